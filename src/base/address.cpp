// address.cpp - text forms of addresses; inet_pton(3) and inet_ntop(3) do the work.
#include "postern/base/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <cstring>

#include "postern/base/text.h"

namespace postern {

namespace {

template <int Family, class Wire>
std::optional<Wire> parse_as(std::string_view text) {
  if (text.find('\0') != text.npos) return std::nullopt;  // inet_pton(3) would see the text end there
  Wire wire{};
  if (::inet_pton(Family, std::string(text).c_str(), &wire) != 1) return std::nullopt;
  return wire;
}

}  // namespace

std::optional<Ipv4> Ipv4::parse(std::string_view text) {
  const auto wire = parse_as<AF_INET, in_addr>(text);
  return wire ? std::optional(from_wire(*wire)) : std::nullopt;
}

std::string Ipv4::to_string() const {
  return fmt::format("{}.{}.{}.{}", bits >> 24, bits >> 16 & 255, bits >> 8 & 255, bits & 255);
}

std::optional<Ipv6> Ipv6::parse(std::string_view text) {
  const auto wire = parse_as<AF_INET6, in6_addr>(text);
  return wire ? std::optional(from_wire(*wire)) : std::nullopt;
}

Ipv6 Ipv6::from_wire(const in6_addr& address) {
  Ipv6 result;
  std::memcpy(result.octets.data(), &address, sizeof address);
  return result;
}

in6_addr Ipv6::to_wire() const {
  in6_addr result;
  std::memcpy(&result, octets.data(), sizeof result);
  return result;
}

std::string Ipv6::to_string() const {
  char text[INET6_ADDRSTRLEN];
  return ::inet_ntop(AF_INET6, octets.data(), text, sizeof text);
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  if (const auto v4 = Ipv4::parse(text)) return *v4;
  if (const auto v6 = Ipv6::parse(text)) return *v6;
  return std::nullopt;
}

std::string to_string(const IpAddress& address) {
  return std::visit([](const auto& any) { return any.to_string(); }, address);
}

bool is_loopback(const IpAddress& address) {
  if (const auto* v4 = std::get_if<Ipv4>(&address)) return v4->bits >> 24 == 127;
  return address == IpAddress(Ipv6::from_wire(in6addr_loopback));
}

std::optional<Mac> Mac::parse(std::string_view text) {
  Mac mac;
  if (text.size() != 17) return std::nullopt;
  for (size_t i = 0; i < mac.octets.size(); ++i) {
    const char* start = text.data() + 3 * i;
    if (std::from_chars(start, start + 2, mac.octets[i], 16).ptr != start + 2) return std::nullopt;
    if (i < 5 && start[2] != ':') return std::nullopt;
  }
  return mac;
}

std::string Mac::to_string() const { return fmt::format("{:02x}", fmt::join(octets, ":")); }

std::optional<Cidr4> Cidr4::parse(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = Ipv4::parse(text.substr(0, slash));
  const auto prefix_bits = whole_number<unsigned>(text.substr(slash + 1));
  if (!address || !prefix_bits) return std::nullopt;
  const auto cidr = make(*address, *prefix_bits);
  return cidr && cidr->network() == *address ? cidr : std::nullopt;
}

std::string Cidr4::to_string() const { return fmt::format("{}/{}", network_.to_string(), prefix_bits_); }

Ipv6 slaac_address(const Ipv6& prefix, const Mac& mac) {
  Ipv6 result = prefix;
  const auto& m = mac.octets;
  const std::array<uint8_t, 8> identifier = {static_cast<uint8_t>(m[0] ^ 2), m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
  std::copy(identifier.begin(), identifier.end(), result.octets.begin() + 8);
  return result;
}

}  // namespace postern
