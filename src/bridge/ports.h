// ports.h - published ports among themselves: where one answers, whether two would get in each other's way, and the list of them
// all that the loopback proxy reads.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "postern/bridge/network.h"

namespace postern::bridge {

bool is_any(const IpAddress& address);  // 0.0.0.0, ::

/// Whether it is one: no port 0, the last not before the first, as many ports of the container.
bool is_range(const PortRange& range);

/// Whether a client of 127.0.0.1 (AF_INET), of ::1 (AF_INET6) finds it.
bool serves_loopback(const PortRange& range, int family);
/// Whether a client of the host's other addresses of that family finds it, or of one of them.
bool serves_network(const PortRange& range, int family);

/// Whether some port would lead to both.
bool conflict(const PortRange& one, const PortRange& other);
/// Within one list, before anything is made. Errors name both that want one port, or an address of the loopback that no rule
/// leads from: there is 127.0.0.1 and ::1.
Status check_ports(std::span<const PortRange> ports);

/// "tcp * 8080 8089 80": protocol, the host's address or *, its first and last port, the container's first.
std::string range_words(const PortRange& range);
/// Nothing: it is not of that form, or no range.
std::optional<PortRange> parse_range_words(std::string_view text);

/// A line of the list: whose, and where it leads.
struct PublishedRange {
  PortRange range;
  std::optional<Ipv4> container4;
  std::optional<Ipv6> container6;
  std::string network;
  std::string id;
};

std::string port_lines(const Endpoint& endpoint);
/// Lines that are not of their form are passed over.
std::vector<PublishedRange> parse_port_lines(std::string_view text);

}  // namespace postern::bridge
