// servers.h - real servers for a lab's machines, started when asked for and ready when `start` returns.
//
//   http    nginx:   / (kPageText), /client (the client's address), files of kWww; PUT /upload/NAME stores in kWww/upload
//   dns     dnsmasq: the names of topology.h, everything else NXDOMAIN; UDP and TCP
//   echo    postern-echo: what comes goes back, TCP and UDP
//   iperf3  kIperfServers of them, one a port from kIperfPort
//
// All answer on every address of their machine, IPv4 and IPv6.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "postern/base/result.h"

#include "lab.h"
#include "machine.h"
#include "process.h"

namespace postern::lab {

enum class Server { http, dns, echo, iperf3 };

std::optional<Server> parse_server(std::string_view name);

/// The servers run as long as what is returned; an error names the Debian package that is missing.
Result<std::vector<Process>> start(const Machine& machine, Server server);

/// A file of pseudo-random bytes at kWww/`name`, the same for the same size; one that is there already is kept.
Status make_web_file(const Machine& machine, std::string_view name, uint64_t bytes);

/// Whether `port` is ready in `table` ("tcp", "tcp6", "udp", "udp6") of the network namespace of the lab's process `pid`: read
/// from /proc, so that no server sees a probing connection.
bool listens(const Machine& machine, pid_t pid, std::string_view table, uint16_t port);

}  // namespace postern::lab
