#include "recent_ports.h"

#include <algorithm>

#include "postern/base/siphash.h"
#include "postern/wire/bytes.h"

namespace postern::relay {

RecentPorts::RecentPorts(const std::array<uint64_t, 2>& hash_key) : hash_key_(hash_key) {}

uint64_t RecentPorts::key(const IpAddress& address, Port port, Port peer) const {
  std::array<uint8_t, 20> bytes{};  // an IPv4 address is hashed as ::a.b.c.d, which no IPv6 source of ours can be
  if (const auto* v4 = std::get_if<Ipv4>(&address)) {
    wire::store32(bytes, 12, v4->bits);
  } else {
    wire::store_octets(bytes, 0, std::get<Ipv6>(address));
  }
  wire::store16(bytes, 16, port.number);
  wire::store16(bytes, 18, peer.number);
  return siphash(hash_key_, bytes);
}

bool RecentPorts::contains(uint64_t key, TimePoint now) const {
  const Set& set = sets_[index(key)];
  return std::any_of(set.begin(), set.end(), [&](const Entry& entry) { return entry.key == key && now < entry.expires; });
}

void RecentPorts::remember(uint64_t key, TimePoint expires) {
  Set& set = sets_[index(key)];
  auto entry = std::find_if(set.begin(), set.end(), [&](const Entry& any) { return any.key == key; });
  if (entry == set.end()) {
    entry = std::min_element(set.begin(), set.end(), [](const Entry& a, const Entry& b) { return a.expires < b.expires; });
  }
  *entry = {key, expires};
}

}  // namespace postern::relay
