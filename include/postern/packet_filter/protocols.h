// protocols.h - the protocols above IP that have a name: in a filter's words, in what is shown, in nft's rules.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace postern::packet_filter {

struct NamedProtocol {
  uint8_t number;
  std::string_view name;
  std::string_view nft_name;  // empty: it is written as a number, which every nft understands
};

/// Of names with one number the first is shown.
inline constexpr std::array kProtocols = std::to_array<NamedProtocol>({
    {6, "tcp", "tcp"},
    {17, "udp", "udp"},
    {1, "icmp", "icmp"},
    {58, "icmp6", "ipv6-icmp"},
    {132, "sctp", "sctp"},
    {2, "igmp", {}},
    {47, "gre", {}},
    {50, "esp", {}},
    {51, "ah", {}},
    {103, "pim", {}},
    {112, "vrrp", {}},
    {58, "icmpv6", "ipv6-icmp"},
});

constexpr const NamedProtocol* named_protocol(uint8_t number) {
  for (const NamedProtocol& each : kProtocols) {
    if (each.number == number) return &each;
  }
  return nullptr;
}

}  // namespace postern::packet_filter
