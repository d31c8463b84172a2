#include "fragment_set.h"

#include <algorithm>
#include <bit>

namespace postern::relay {

namespace {

using wire::Bytes;
using wire::EthernetFrame;
using wire::IpPacket;
using wire::MutableBytes;

/// RFC 791 3.1: all but the last come in multiples of 8; together they stay below 64 KiB (the "ping of death" did not).
bool is_plausible(const IpPacket& packet) {
  const size_t bytes = packet.payload.size();
  if (bytes == 0 || (packet.fragment->more && bytes % 8 != 0)) return false;
  const size_t header_bytes = packet.is_v4() ? packet.header.size() : 0;  // IPv6 states the length without it
  return header_bytes + packet.fragment->offset_bytes + bytes <= IpPacket::kMaxBytes;
}

/// Gives a buffer room for `bytes`. It doubles, so that a datagram that comes in order is not copied once a fragment.
void grow(std::vector<uint8_t>& buffer, size_t bytes) {
  if (bytes <= buffer.size()) return;
  if (bytes > buffer.capacity()) buffer.reserve(std::bit_ceil(bytes));
  buffer.resize(bytes);
}

}  // namespace

tl::expected<MutableBytes, Drop> FragmentSet::add(const EthernetFrame& frame, const IpPacket& packet, TimePoint now) {
  expire(now);
  if (!is_plausible(packet)) return tl::unexpected(Drop::malformed);
  const Position datagram = find_or_open(packet, now);
  const size_t begin = packet.fragment->offset_bytes, end = begin + packet.payload.size();

  const size_t known_end = datagram->buffer.size() - kHeaderRoom;
  const bool ends_early = !packet.fragment->more && known_end > end;
  const bool beyond_the_end = datagram->total_bytes && end > *datagram->total_bytes;
  bool overlaps = false;
  for (size_t block = begin / kBlockBytes; block * kBlockBytes < end; ++block) overlaps |= datagram->blocks[block];
  if (ends_early || beyond_the_end || overlaps) {
    forget(datagram);
    return tl::unexpected(Drop::fragment_overlap);
  }

  keep(*datagram, frame, packet);
  make_room(datagram);
  if (datagram->total_bytes != datagram->received_bytes) return MutableBytes{};
  return finish(datagram);
}

void FragmentSet::expire(TimePoint now) {
  while (!datagrams_.empty() && datagrams_.front().expires <= now) {
    drops_.count(Drop::fragment_timeout);
    forget(datagrams_.begin());
  }
}

FragmentSet::Position FragmentSet::find_or_open(const IpPacket& packet, TimePoint now) {
  const wire::Protocol protocol = packet.is_v4() ? packet.protocol : wire::Protocol{};
  const Key key{packet.source, packet.destination, protocol, packet.fragment->id};
  const auto found = std::find_if(datagrams_.begin(), datagrams_.end(), [&](const Datagram& any) { return any.key == key; });
  if (found != datagrams_.end()) return found;
  datagrams_.push_back({.key = key, .expires = now + kLifetime, .blocks = {}, .total_bytes = {}});
  bytes_ += datagrams_.back().buffer.capacity();
  return std::prev(datagrams_.end());
}

void FragmentSet::keep(Datagram& datagram, const EthernetFrame& frame, const IpPacket& packet) {
  const size_t begin = packet.fragment->offset_bytes, end = begin + packet.payload.size();
  bytes_ -= datagram.buffer.capacity();
  grow(datagram.buffer, kHeaderRoom + end);
  bytes_ += datagram.buffer.capacity();
  const auto payload = datagram.buffer.begin() + kHeaderRoom;
  std::copy(packet.payload.begin(), packet.payload.end(), payload + static_cast<ptrdiff_t>(begin));
  for (size_t block = begin / kBlockBytes; block * kBlockBytes < end; ++block) datagram.blocks.set(block);
  datagram.received_bytes += packet.payload.size();
  if (!packet.fragment->more) datagram.total_bytes = end;
  if (begin != 0) return;
  const Bytes header = packet.is_v4() ? packet.header : packet.header.first(IpPacket::kHeaderBytes6);
  datagram.header_bytes = header.size();
  std::copy_backward(header.begin(), header.end(), payload);
  const size_t ip = kHeaderRoom - header.size(), ethernet = ip - EthernetFrame::kHeaderBytes;
  if (!packet.is_v4()) datagram.buffer[ip + wire::ipv6_field::next_header] = static_cast<uint8_t>(packet.protocol);
  wire::store_ethernet_header(MutableBytes(datagram.buffer).subspan(ethernet), frame.destination, frame.source, frame.type);
}

void FragmentSet::make_room(Position keep) {
  while (datagrams_.size() > kMaxDatagrams || bytes_ > kMaxBytes) {
    const Position oldest = datagrams_.begin() == keep ? std::next(keep) : datagrams_.begin();
    drops_.count(Drop::fragment_limit);
    forget(oldest);
  }
}

void FragmentSet::forget(Position datagram) {
  bytes_ -= datagram->buffer.capacity();
  datagrams_.erase(datagram);
}

tl::expected<MutableBytes, Drop> FragmentSet::finish(Position datagram) {
  const size_t header_bytes = datagram->header_bytes;
  const size_t packet_bytes = header_bytes + *datagram->total_bytes;
  bytes_ -= datagram->buffer.capacity();
  whole_ = std::move(datagram->buffer);
  datagrams_.erase(datagram);
  const bool v4 = whole_[kHeaderRoom - header_bytes] >> 4 == 4;
  if (v4 && packet_bytes > IpPacket::kMaxBytes)
    return tl::unexpected(Drop::malformed);  // each header fitted, the first one does not

  const MutableBytes packet = MutableBytes(whole_).subspan(kHeaderRoom - header_bytes, packet_bytes);
  if (v4) wire::store16(packet, 6, 0);  // no fragment any more
  wire::store_ip_length(packet);
  return MutableBytes(whole_).subspan(kHeaderRoom - header_bytes - EthernetFrame::kHeaderBytes,
                                      EthernetFrame::kHeaderBytes + packet_bytes);
}

}  // namespace postern::relay
