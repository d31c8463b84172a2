#include "postern/wire/address_class.h"

#include <algorithm>

namespace postern::wire {

namespace {

bool is_martian(const Ipv4& address) { return address.bits >> 24 == 127 || address.bits >> 24 == 0; }

bool is_martian(const Ipv6& address) {
  const auto& o = address.octets;
  const bool ipv4_inside = std::all_of(o.begin(), o.begin() + 10, [](uint8_t octet) { return octet == 0; });
  return ipv4_inside && ((o[10] == 0 && o[11] == 0) || (o[10] == 0xff && o[11] == 0xff));
}

bool is_group(const Ipv4& address) { return address.bits >> 28 == 0xe || address.bits == 0xffff'ffff; }
bool is_group(const Ipv6& address) { return address.octets[0] == 0xff; }

}  // namespace

bool is_martian(const IpAddress& address) {
  return std::visit([](const auto& any) { return is_martian(any); }, address);
}

bool is_group(const IpAddress& address) {
  return std::visit([](const auto& any) { return is_group(any); }, address);
}

bool is_link_local(const Ipv6& address) { return address.octets[0] == 0xfe && (address.octets[1] & 0xc0) == 0x80; }

bool is_unspecified(const IpAddress& address) {
  return std::visit([](const auto& any) { return any == std::decay_t<decltype(any)>{}; }, address);
}

}  // namespace postern::wire
