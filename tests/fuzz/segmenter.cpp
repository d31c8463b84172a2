// What cuts a hostile frame in place: the MTU (2 bytes), whether the checksum is made right first (1 byte), the frame.
#include "segmenter.h"

#include <algorithm>
#include <vector>

#include "postern/wire/checksum.h"
#include "postern/wire/ip.h"
#include "postern/wire/tcp.h"
#include "postern/wire/vnet_header.h"

#include "fuzz_input.h"

using namespace postern;

namespace {

/// The data of a TCP segment that fits in `mtu_bytes` and whose checksums are right.
wire::Bytes data_of(wire::Bytes frame, size_t mtu_bytes) {
  const auto ip = wire::IpPacket::parse(frame.subspan(wire::EthernetFrame::kHeaderBytes));
  POSTERN_ASSERT(ip && ip->header_checksum_ok() && ip->whole().size() <= mtu_bytes);
  POSTERN_ASSERT(ip->whole().size() + wire::EthernetFrame::kHeaderBytes == frame.size());
  const uint64_t pseudo = wire::pseudo_header(ip->source, ip->destination, ip->protocol, ip->payload.size());
  POSTERN_ASSERT(wire::finish(wire::sum(ip->payload, pseudo)) == 0);
  return wire::TcpSegment::parse(ip->payload)->payload;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const size_t mtu_bytes = wire::load16({data, size}, 0);
  std::vector<uint8_t> frame(data + 3, data + size);
  if ((data[2] & 1) != 0) wire::complete_checksum(frame);
  const std::vector<uint8_t> whole = frame;

  std::vector<std::vector<uint8_t>> segments;
  relay::for_each_segment(frame, mtu_bytes, [&](wire::MutableBytes segment) {
    fuzz::check_inside(segment, frame);
    segments.emplace_back(segment.begin(), segment.end());
  });
  POSTERN_ASSERT(!segments.empty() && segments.size() <= 1 + whole.size() / relay::Segmenter::kMinDataBytes);
  if (segments.size() == 1) {
    POSTERN_ASSERT(segments[0] == whole);
    return 0;
  }
  std::vector<uint8_t> joined;
  for (const auto& segment : segments) {
    const wire::Bytes part = data_of(segment, mtu_bytes);
    joined.insert(joined.end(), part.begin(), part.end());
  }
  const auto ip = wire::IpPacket::parse(wire::Bytes(whole).subspan(wire::EthernetFrame::kHeaderBytes));
  POSTERN_ASSERT(std::ranges::equal(joined, wire::TcpSegment::parse(ip->payload)->payload));
  return 0;
}
