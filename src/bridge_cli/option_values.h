// option_values.h - from what was typed to what is meant. Pure; each error is one line that quotes the option and its value.
#pragma once

#include <string>
#include <vector>

#include "options.h"

namespace postern::bridge_cli {

/// The text of each option as typed; an empty string is an option that was not given.
struct TypedUp {
  std::string network, isolate, icc, mtu, external, ip_forward;
  std::vector<std::string> subnets;
  bool ipv6 = false, internal = false, no_masquerade = false, no_names = false, if_missing = false, json = false;
};

struct TypedAttach {
  std::string network, target, interface, id, mac;
  std::vector<std::string> addresses, publish, names;
  bool json = false;
};

struct TypedPorts {
  std::string action;
  std::vector<std::string> operands;  // NAME ID SPEC...
  bool json = false;
};

Result<UpOptions> to_up_options(const TypedUp& typed);
Result<AttachOptions> to_attach_options(const TypedAttach& typed);
Result<DetachOptions> to_detach_options(const DetachOptions& typed);
Result<PortsOptions> to_ports_options(const TypedPorts& typed);

/// A network's name, which is a link's too: see NetworkSpec.
Status check_network_name(const std::string& name);
/// A gateway's address and prefix; or a network, the first address of which is the gateway's.
Result<bridge::Subnet> parse_subnet(const std::string& text);
/// What `-p` says, where no IP means every address of the host.
Result<bridge::PortRange> parse_port_range(const std::string& text);

}  // namespace postern::bridge_cli
