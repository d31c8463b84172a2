#include "wish.h"

#include <net/if.h>

#include <algorithm>
#include <span>
#include <tuple>

#include "postern/base/siphash.h"
#include "postern/base/text.h"

namespace postern::cni {

namespace {

constexpr size_t kLongestBridgeName = IFNAMSIZ - 1;

/// `address` with its bits behind the prefix cleared.
IpAddress network_of(const bridge::Subnet& subnet) {
  if (const auto* const v4 = std::get_if<Ipv4>(&subnet.gateway)) {
    const auto network = Cidr4::make(*v4, subnet.prefix_bits);
    return network ? network->network() : *v4;
  }
  Ipv6 network = std::get<Ipv6>(subnet.gateway);
  for (unsigned bit = subnet.prefix_bits; bit < 128; ++bit) {
    network.octets[bit / 8] = static_cast<uint8_t>(network.octets[bit / 8] & ~(0x80U >> (bit % 8)));
  }
  return network;
}

IpAddress first_address(const bridge::Subnet& subnet) {
  IpAddress first = network_of(subnet);
  if (auto* const v4 = std::get_if<Ipv4>(&first)) v4->bits |= 1;
  if (auto* const v6 = std::get_if<Ipv6>(&first)) v6->octets.back() |= 1;
  return first;
}

unsigned address_bits(const IpAddress& address) { return std::holds_alternative<Ipv4>(address) ? 32 : 128; }

/// Whether `next` goes on where `range` ends.
bool continues(const bridge::PortRange& range, const bridge::PortRange& next) {
  return next.protocol == range.protocol && next.host_address == range.host_address &&
         next.first.number == range.last.number + 1 &&
         size_t{next.container_first.number} == range.container_first.number + range.count();
}

bool before(const bridge::PortRange& a, const bridge::PortRange& b) {
  const auto key = [](const bridge::PortRange& p) {
    return std::tuple(p.protocol, p.host_address, p.first, p.last, p.container_first);
  };
  return key(a) < key(b);
}

template <class T>
bool differs(const std::optional<T>& wished, const T& is) {
  return wished && *wished != is;
}

bool lacks(const bridge::Network& network, const bridge::Subnet& subnet) {
  const auto& there = network.spec.subnets;
  return std::find(there.begin(), there.end(), subnet) == there.end();
}

}  // namespace

bridge::NetworkSpec NetworkWish::spec() const {
  bridge::NetworkSpec spec;
  spec.name = bridge;
  spec.subnets = subnets;
  spec.ipv6 = ipv6.value_or(spec.ipv6);
  spec.egress = egress.value_or(spec.egress);
  spec.isolation = isolation.value_or(spec.isolation);
  spec.inter_container = inter_container.value_or(spec.inter_container);
  spec.masquerade = masquerade.value_or(spec.masquerade);
  spec.mtu_bytes = mtu_bytes;
  spec.external = external;
  spec.names = names.value_or(spec.names);
  return spec;
}

std::optional<std::string> NetworkWish::contradiction(const bridge::Network& network) const {
  const bridge::NetworkSpec& is = network.spec;
  const auto missing = [&](const bridge::Subnet& subnet) { return lacks(network, subnet); };
  if (std::any_of(subnets.begin(), subnets.end(), missing)) return "subnets";
  const bool has_ipv6 = std::any_of(is.subnets.begin(), is.subnets.end(), [](const auto& subnet) { return !subnet.is_ipv4(); });
  if (ipv6.value_or(false) && !has_ipv6) return "ipv6";
  if (differs(egress, is.egress)) return "internal";
  if (differs(isolation, is.isolation)) return "isolate";
  if (differs(inter_container, is.inter_container)) return "icc";
  if (differs(masquerade, is.masquerade)) return "masquerade";
  if (mtu_bytes && mtu_bytes != is.mtu_bytes) return "mtu";
  if (external && external != is.external) return "external";
  if (differs(names, is.names)) return "names";
  return std::nullopt;
}

bool is_bridge_name(std::string_view name) { return name.size() <= kLongestBridgeName && is_plain_name(name); }

std::string bridge_name(std::string_view network) {
  if (is_bridge_name(network)) return std::string(network);
  constexpr size_t kBeginning = 6;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string name;
  for (const char c : network.substr(0, kBeginning)) name += is_name_character(c) ? c : '_';
  if (name.empty() || !is_letter_or_digit(name.front())) name.insert(0, "n");
  name.resize(std::min(name.size(), kBeginning));
  const auto* const bytes = reinterpret_cast<const uint8_t*>(network.data());
  uint64_t hash = siphash({0, 0}, std::span(bytes, network.size()));
  name += '-';
  while (name.size() < kLongestBridgeName) {
    name += kDigits[hash & 15U];
    hash >>= 4U;
  }
  return name;
}

std::optional<bridge::Subnet> parse_address(std::string_view text) {
  const bool has_prefix = text.find('/') != text.npos;
  const auto address = parse_ip(take_until(text, '/'));
  if (!address) return std::nullopt;
  const unsigned most = address_bits(*address);
  const auto bits = has_prefix ? whole_number<unsigned>(text) : std::optional(most);
  if (!bits || *bits > most) return std::nullopt;
  return bridge::Subnet{*address, *bits};
}

std::optional<bridge::Subnet> parse_subnet(std::string_view text) {
  const auto subnet = parse_address(text);
  if (!subnet || subnet->prefix_bits == 0 || subnet->prefix_bits > address_bits(subnet->gateway) - 2) return std::nullopt;
  return network_of(*subnet) == subnet->gateway ? network_around(*subnet, std::nullopt) : *subnet;
}

bridge::Subnet network_around(const bridge::Subnet& address, const std::optional<IpAddress>& gateway) {
  return {gateway.value_or(first_address(address)), address.prefix_bits};
}

std::string to_string(const bridge::Subnet& address) {
  return postern::to_string(address.gateway) + "/" + std::to_string(address.prefix_bits);
}

std::vector<bridge::PortRange> folded(std::vector<bridge::PortRange> ports) {
  std::sort(ports.begin(), ports.end(), before);
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
  std::vector<bridge::PortRange> ranges;
  for (const bridge::PortRange& port : ports) {
    if (!ranges.empty() && continues(ranges.back(), port)) {
      ranges.back().last = port.last;
    } else {
      ranges.push_back(port);
    }
  }
  return ranges;
}

}  // namespace postern::cni
