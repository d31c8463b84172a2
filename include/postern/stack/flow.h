// flow.h - one connection as a person wants to see it: who inside talks to whom, and by which socket of the host.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "postern/base/address.h"

namespace postern::stack {

struct Endpoint {
  IpAddress address;
  Port port;  // 0 for ICMP, which has none
  bool operator==(const Endpoint&) const = default;
};

/// Where a socket of ours is, getsockname(2). Nothing: nowhere, or in no family that is known here.
std::optional<Endpoint> own_end(int socket);

/// What the kernel has measured and counted of a TCP connection of ours, TCP_INFO of tcp(7).
struct KernelView {
  std::optional<std::chrono::microseconds> round_trip;  // to the other end, smoothed; nothing: it has not answered yet
  uint64_t sent = 0, received = 0;                      // bytes, each once; an end that was received counts as one
};
/// One system call. Nothing: it is no TCP connection.
std::optional<KernelView> ask_kernel(int socket);

struct Flow {
  enum class Protocol { tcp, udp, icmp } protocol = Protocol::tcp;
  enum class Direction { outbound, inbound } direction = Direction::outbound;  // inbound: by a published port
  std::string state;                                                           // TCP, towards the namespace: "ESTABLISHED"
  std::optional<std::chrono::seconds> expires;                                 // UDP and ICMP: when idle for so long
  std::optional<IpAddress> guest_address;  // libslirp 4.7 does not tell the address of an IPv6 flow
  Port guest_port;
  std::optional<Endpoint> remote;  // as the namespace sees it; inbound: the client
  std::optional<Endpoint> host;    // of the host's socket
  size_t bytes_to_guest = 0;       // that wait here
  size_t bytes_to_remote = 0;
  // What is not known is left out: libslirp keeps no times, and no bytes of UDP.
  std::optional<uint64_t> carried_to_guest, carried_to_remote;     // bytes of payload since it began
  std::optional<std::chrono::microseconds> rtt_guest, rtt_remote;  // TCP's, smoothed: towards the namespace, and beyond the host
  std::optional<std::chrono::milliseconds> age;
};

/// Some of the flows there are: a listing has a bound.
struct Flows {
  std::vector<Flow> flows;
  size_t total = 0;
};

}  // namespace postern::stack
