#include "postern/wire/unreachable.h"

#include "quoted_segment.h"

namespace postern::wire {

namespace {

bool is_unreachable(const IcmpMessage& message, bool v4) {
  constexpr uint8_t kUnreachable4 = 3, kFragmentationNeeded4 = 4, kUnreachable6 = 1;
  return v4 ? message.type == kUnreachable4 && message.code != kFragmentationNeeded4 : message.type == kUnreachable6;
}

}  // namespace

std::optional<Unreachable> Unreachable::parse(const IpPacket& packet) {
  const auto message = IcmpMessage::parse(packet);
  if (!message || !is_unreachable(*message, packet.is_v4())) return std::nullopt;
  const auto quoted = QuotedSegment::parse(packet, *message);
  if (!quoted) return std::nullopt;
  return Unreachable{quoted->source, quoted->destination, quoted->source_port, quoted->destination_port, quoted->sequence};
}

}  // namespace postern::wire
