#include "postern/flow/flow_key.h"

#include "postern/base/siphash.h"
#include "postern/wire/bytes.h"

namespace postern::flow {

namespace {

constexpr size_t kEndBytes = 20;  // address, port, family

void store_end(wire::MutableBytes bytes, const IpAddress& address, Port port) {
  if (const auto* v4 = std::get_if<Ipv4>(&address)) {
    wire::store32(bytes, 12, v4->bits);
  } else {
    wire::store_octets(bytes, 0, std::get<Ipv6>(address));
  }
  wire::store16(bytes, 16, port.number);
  wire::store16(bytes, 18, static_cast<uint16_t>(address.index()));  // 10.0.2.3 is not ::a00:203
}

}  // namespace

uint64_t hash(const FlowKey& key, const std::array<uint64_t, 2>& secret) {
  std::array<uint8_t, 2 * kEndBytes> bytes{};
  store_end(wire::MutableBytes(bytes).first(kEndBytes), key.guest, key.guest_port);
  store_end(wire::MutableBytes(bytes).subspan(kEndBytes), key.remote, key.remote_port);
  return siphash(secret, bytes);
}

}  // namespace postern::flow
