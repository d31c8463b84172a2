// option_values.h - from what was typed to what is meant. Pure; each error is one line that quotes the option and its value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "options.h"

namespace postern::cli {

/// The text of each option as typed; an empty string is an option that was not given.
struct TypedNetwork {
  std::string engine, mtu, cidr, outbound4, outbound6, mac, max_flows, ready_fd, api_socket, sandbox, publish_source, udp_nat,
      pcap;
  std::vector<std::string> publish, reach;
  bool ipv6 = false, no_ipv6 = false, allow_host_loopback = false, isolate_host = false, no_sandbox = false;
  bool udp_same_port = false;
};

struct TypedRun {
  TypedNetwork network;
  std::string mode = "slirp", working_directory;
  std::vector<std::string> dns, add_host, environment, addresses, host_names, command;
  bool map_auto = false, keep_id = false, private_folders = false, die_with_parent = false;
};

struct TypedAttach {
  TypedNetwork network;
  std::string target, tap;
  std::vector<std::string> dns;
  bool configure = false;
};

struct TypedInstance {
  std::string pid, api_socket;
  bool json = false;
};

struct TypedStatus {
  TypedInstance instance;
  bool prometheus = false;
};

struct TypedTop {
  TypedInstance instance;
  std::string interval, count, sort;
};

struct TypedPorts {
  TypedInstance instance;
  std::string action;
  std::vector<std::string> ports;
  bool kill = false;
};

Result<RunOptions> to_run_options(const TypedRun& typed);
Result<AttachOptions> to_attach_options(const TypedAttach& typed);
Result<PortsOptions> to_ports_options(const TypedPorts& typed);
Result<StatusOptions> to_status_options(const TypedStatus& typed);
Result<TopOptions> to_top_options(const TypedTop& typed);

}  // namespace postern::cli
