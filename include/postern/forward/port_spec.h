// port_spec.h - what `-p` says, in Docker's words: [IP:]PORT[-END]:PORT[/tcp|udp]; the end of the second range may be
// said too.
#pragma once

#include <string>
#include <string_view>

#include "postern/base/address.h"
#include "postern/base/result.h"
#include "postern/stack/slirp_stack.h"

namespace postern::forward {

/// Host ports first..last lead, one to one, to as many ports of the namespace from `guest_first` on.
struct PortSpec {
  stack::Protocol protocol = stack::Protocol::tcp;
  IpAddress host_address = Ipv4{};  // 0.0.0.0: every IPv4 address of the host
  Port first;
  Port last;
  Port guest_first;

  size_t count() const { return static_cast<size_t>(last.number - first.number) + 1; }
  /// "0.0.0.0:8080-8089:80/tcp", "[::]:8080:80/tcp"
  std::string to_string() const;
  bool operator==(const PortSpec&) const = default;
};

/// The port `by` numbers behind `port`, within a range.
inline Port shifted(Port port, size_t by) { return Port{static_cast<uint16_t>(port.number + by)}; }

/// Errors say what is wrong with `text` and what would be right.
Result<PortSpec> parse_port_spec(std::string_view text);
/// Whether a text that parse_port_spec() takes has an IP in it, for whom none means something else than 0.0.0.0.
bool names_host_address(std::string_view text);

std::string_view name(stack::Protocol protocol);

}  // namespace postern::forward
