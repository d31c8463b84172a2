#include "quoted_segment.h"

#include "postern/wire/checksum.h"

namespace postern::wire {

namespace {

constexpr size_t kQuotedTcpBytes = 8;  // the ports and the number, all that RFC 792 makes a router quote

bool is_checksum_right(const IpPacket& packet) {
  const uint64_t pseudo =
      packet.is_v4() ? 0 : pseudo_header(packet.source, packet.destination, packet.protocol, packet.payload.size());
  return finish(sum(packet.payload, pseudo)) == 0;
}

std::optional<QuotedSegment> read4(Bytes quote) {
  if (quote.size() < IpPacket::kMinHeaderBytes4 || quote[0] >> 4 != 4) return std::nullopt;
  const size_t header = size_t{quote[0] & 0xfu} * 4;
  const bool first = (load16(quote, 6) & 0x1fff) == 0;
  if (header < IpPacket::kMinHeaderBytes4 || quote.size() < header + kQuotedTcpBytes || !first) return std::nullopt;
  if (Protocol{quote[9]} != Protocol::tcp) return std::nullopt;
  const Bytes tcp = quote.subspan(header);
  return QuotedSegment{Ipv4{load32(quote, 12)}, Ipv4{load32(quote, 16)}, Port{load16(tcp, 0)}, Port{load16(tcp, 2)},
                       load32(tcp, 4)};
}

std::optional<QuotedSegment> read6(Bytes quote) {
  if (quote.size() < IpPacket::kHeaderBytes6 + kQuotedTcpBytes || quote[0] >> 4 != 6) return std::nullopt;
  if (Protocol{quote[6]} != Protocol::tcp) return std::nullopt;  // what we send has no extension header
  const Bytes tcp = quote.subspan(IpPacket::kHeaderBytes6);
  return QuotedSegment{load_octets<Ipv6>(quote, 8), load_octets<Ipv6>(quote, 24), Port{load16(tcp, 0)}, Port{load16(tcp, 2)},
                       load32(tcp, 4)};
}

}  // namespace

std::optional<QuotedSegment> QuotedSegment::parse(const IpPacket& packet, const IcmpMessage& message) {
  if (!is_checksum_right(packet)) return std::nullopt;
  const auto quoted = packet.is_v4() ? read4(message.payload) : read6(message.payload);
  return quoted && quoted->source == packet.destination ? quoted : std::nullopt;
}

}  // namespace postern::wire
