#include "postern/wire/icmp.h"
#include "postern/wire/path_mtu.h"
#include "postern/wire/unreachable.h"

#include "fuzz_input.h"

using namespace postern;

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const wire::Bytes input(data, size);
  const auto packet = wire::IpPacket::parse(input);
  const auto message = packet ? wire::IcmpMessage::parse(*packet) : std::nullopt;
  if (!message) return 0;
  fuzz::check_inside(message->payload, packet->payload);
  POSTERN_ASSERT(message->payload.size() + 8 == packet->payload.size());
  POSTERN_ASSERT(!packet->is_v4() || message->kind != wire::IcmpKind::neighbour);
  const auto path = wire::PathMtu::parse(*packet);
  POSTERN_ASSERT(!path || (message->kind == wire::IcmpKind::error && path->source == packet->destination));
  const auto lost = wire::Unreachable::parse(*packet);
  POSTERN_ASSERT(!lost || (message->kind == wire::IcmpKind::error && lost->source == packet->destination && !path));
  return 0;
}
