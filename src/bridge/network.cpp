#include "postern/bridge/network.h"

#include <fmt/format.h>

#include "prefix.h"

namespace postern::bridge {

bool Subnet::contains(const IpAddress& address) const { return share_prefix(gateway, address, prefix_bits); }

std::string Subnet::network() const {
  return fmt::format("{}/{}", postern::to_string(first_of(gateway, prefix_bits)), prefix_bits);
}

std::string PortRange::to_string() const {
  const auto ports = [this](Port from) {
    if (count() == 1) return fmt::format("{}", from.number);
    return fmt::format("{}-{}", from.number, from.number + count() - 1);
  };
  std::string host;
  if (host_address) {
    const bool is_ipv6 = std::holds_alternative<Ipv6>(*host_address);
    host = fmt::format(fmt::runtime(is_ipv6 ? "[{}]:" : "{}:"), postern::to_string(*host_address));
  }
  return fmt::format("{}{}:{}/{}", host, ports(first), ports(container_first), protocol == Protocol::tcp ? "tcp" : "udp");
}

}  // namespace postern::bridge
