#include "postern/wire/path_mtu.h"

#include "quoted_segment.h"

namespace postern::wire {

namespace {

bool is_too_big(const IcmpMessage& message, bool v4) {
  constexpr uint8_t kUnreachable4 = 3, kFragmentationNeeded4 = 4, kTooBig6 = 2;
  return v4 ? message.type == kUnreachable4 && message.code == kFragmentationNeeded4 : message.type == kTooBig6;
}

}  // namespace

std::optional<PathMtu> PathMtu::parse(const IpPacket& packet) {
  const auto message = IcmpMessage::parse(packet);
  if (!message || !is_too_big(*message, packet.is_v4())) return std::nullopt;
  const auto quoted = QuotedSegment::parse(packet, *message);
  if (!quoted) return std::nullopt;
  return PathMtu{.mtu_bytes = packet.is_v4() ? load16(packet.payload, 6) : load32(packet.payload, 4),
                 .source = quoted->source,
                 .destination = quoted->destination,
                 .source_port = quoted->source_port,
                 .destination_port = quoted->destination_port,
                 .sequence = quoted->sequence};
}

}  // namespace postern::wire
