// fragment_set.h - puts the fragments of datagrams together, within bounds: of IPv4 because libslirp does so without any, of IPv6
// because it does not at all.
//
//   buffer of one datagram:   [ room for headers | Ethernet | IP ][ payload so far ......... ]
//                                                                 ^ kHeaderRoom
// A fragment is copied to its place, and the header of the first one in front of it: a complete datagram is a frame already.
//
// Fragments that overlap or contradict each other are an attack (RFC 5722; RFC 1858 for IPv4): what a filter saw and what the
// receiver puts together would differ. They end the whole datagram. Nothing is remembered of it: should its other fragments
// still come, they are put together only if all of them come again and none overlaps.
#pragma once

#include <tl/expected.hpp>

#include <bitset>
#include <list>
#include <optional>
#include <vector>

#include "postern/base/clock.h"
#include "postern/relay/drop.h"
#include "postern/wire/ethernet.h"
#include "postern/wire/ip.h"

namespace postern::relay {

class FragmentSet {
 public:
  static constexpr size_t kMaxDatagrams = 64;
  static constexpr size_t kMaxBytes = 1 << 20;          // of buffers, over all datagrams
  static constexpr std::chrono::seconds kLifetime{30};  // from the first fragment that came; RFC 791 3.2 starts at 15

  /// Datagrams that time out, or make room for newer ones, are counted in `drops`, which must outlive the set.
  explicit FragmentSet(DropCounters& drops) : drops_(drops) {}

  /// Takes one fragment of a frame that was parsed; of IPv6 one without other extension headers. Returns the whole frame,
  /// unfragmented and with a right header checksum, if this was the piece that was missing; it is valid until the next add().
  /// Empty: other pieces are still missing.
  tl::expected<wire::MutableBytes, Drop> add(const wire::EthernetFrame& frame, const wire::IpPacket& packet, TimePoint now);

  void expire(TimePoint now);

  size_t datagrams() const { return datagrams_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  static constexpr size_t kHeaderRoom = wire::EthernetFrame::kHeaderBytes + 60;  // the longest IPv4 header
  static constexpr size_t kBlockBytes = 8;                                       // the unit of a fragment's offset

  struct Key {  // RFC 791 3.2; RFC 8200 4.5 without the protocol
    IpAddress source, destination;
    wire::Protocol protocol;
    uint32_t id;
    bool operator==(const Key&) const = default;
  };
  struct Datagram {
    Key key;
    TimePoint expires;
    std::vector<uint8_t> buffer = std::vector<uint8_t>(kHeaderRoom);
    std::bitset<wire::IpPacket::kMaxBytes / kBlockBytes + 1> blocks;  // of the payload, that have come
    size_t received_bytes = 0;
    std::optional<size_t> total_bytes;  // of the payload, known from the last fragment
    size_t header_bytes = 0;            // of the IP header, without IPv6's fragment header; known from the first fragment
  };
  using Position = std::list<Datagram>::iterator;

  Position find_or_open(const wire::IpPacket& packet, TimePoint now);
  void keep(Datagram& datagram, const wire::EthernetFrame& frame, const wire::IpPacket& packet);
  void make_room(Position keep);
  void forget(Position datagram);
  tl::expected<wire::MutableBytes, Drop> finish(Position datagram);

  std::list<Datagram> datagrams_;  // oldest first
  size_t bytes_ = 0;
  std::vector<uint8_t> whole_;  // the datagram that was handed on last
  DropCounters& drops_;
};

}  // namespace postern::relay
