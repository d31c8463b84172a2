#include "postern/wire/path_mtu.h"

#include "postern/wire/checksum.h"
#include "postern/wire/icmp.h"

namespace postern::wire {

namespace {

constexpr size_t kQuotedTcpBytes = 8;  // the ports and the number, all that RFC 792 makes a router quote

bool is_too_big(const IcmpMessage& message, bool v4) {
  constexpr uint8_t kUnreachable4 = 3, kFragmentationNeeded4 = 4, kTooBig6 = 2;
  return v4 ? message.type == kUnreachable4 && message.code == kFragmentationNeeded4 : message.type == kTooBig6;
}

bool is_checksum_right(const IpPacket& packet) {
  const uint64_t pseudo =
      packet.is_v4() ? 0 : pseudo_header(packet.source, packet.destination, packet.protocol, packet.payload.size());
  return finish(sum(packet.payload, pseudo)) == 0;
}

/// What is quoted is cut short, so it is no IpPacket.
std::optional<PathMtu> read_quote4(Bytes quote) {
  if (quote.size() < IpPacket::kMinHeaderBytes4 || quote[0] >> 4 != 4) return std::nullopt;
  const size_t header = size_t{quote[0] & 0xfu} * 4;
  const bool first = (load16(quote, 6) & 0x1fff) == 0;
  if (header < IpPacket::kMinHeaderBytes4 || quote.size() < header + kQuotedTcpBytes || !first) return std::nullopt;
  if (Protocol{quote[9]} != Protocol::tcp) return std::nullopt;
  const Bytes tcp = quote.subspan(header);
  return PathMtu{0, Ipv4{load32(quote, 12)}, Ipv4{load32(quote, 16)}, Port{load16(tcp, 0)}, Port{load16(tcp, 2)}, load32(tcp, 4)};
}

std::optional<PathMtu> read_quote6(Bytes quote) {
  if (quote.size() < IpPacket::kHeaderBytes6 + kQuotedTcpBytes || quote[0] >> 4 != 6) return std::nullopt;
  if (Protocol{quote[6]} != Protocol::tcp) return std::nullopt;  // what we send has no extension header
  const Bytes tcp = quote.subspan(IpPacket::kHeaderBytes6);
  return PathMtu{
      0, load_octets<Ipv6>(quote, 8), load_octets<Ipv6>(quote, 24), Port{load16(tcp, 0)}, Port{load16(tcp, 2)}, load32(tcp, 4)};
}

}  // namespace

std::optional<PathMtu> PathMtu::parse(const IpPacket& packet) {
  const auto message = IcmpMessage::parse(packet);
  if (!message || !is_too_big(*message, packet.is_v4()) || !is_checksum_right(packet)) return std::nullopt;
  auto quoted = packet.is_v4() ? read_quote4(message->payload) : read_quote6(message->payload);
  if (!quoted || quoted->source != packet.destination) return std::nullopt;
  quoted->mtu_bytes = packet.is_v4() ? load16(packet.payload, 6) : load32(packet.payload, 4);
  return quoted;
}

}  // namespace postern::wire
