// superframe.h - many TCP segments in one write to the TAP: what the kernel calls generic receive offload, done by us.
//
//   libslirp:  [hdr|1460] [hdr|1460] [hdr|1460] [hdr|512]   one frame a segment, four writes of 2.5 us
//   here:      [vnet|hdr|1460 1460 1460 512]                one write of 3 us; the namespace's TCP takes it whole and ACKs once
//
// Only what TCP would see as one stretch of bytes is put together: the same connection, the next sequence number, nothing but ACK
// and PSH set, no options, every segment but the last of one size. Pure: bytes in, bytes out.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "postern/wire/tcp.h"
#include "postern/wire/vnet_header.h"

namespace postern::relay {

class Superframe {
 public:
  /// A larger frame had better be written alone: the copy costs more than the write it saves, and the namespace takes the first
  /// in while we make the second.
  static constexpr size_t kMaxAddedBytes = 8192;

  Superframe();

  /// Takes a copy of `frame` in, if it continues what is here, or begins something that can be continued. False: the caller takes
  /// finish() away and then offers it again, or writes it by itself.
  bool add(wire::Bytes frame);
  /// A large TCP segment to be written by itself, in two parts and without being copied: what comes before its data is valid
  /// until the next call, the data as long as `frame`. Only when empty(). Nothing: write the frame as it is.
  using Parts = std::array<wire::Bytes, 2>;
  std::optional<Parts> alone(wire::Bytes frame);
  bool empty() const { return size_ == 0; }
  /// What was put together, behind its vnet header; valid until the next add(). Nothing is left here.
  wire::Bytes finish();

 private:
  struct Segment;
  static bool parse(wire::Bytes frame, Segment& segment);
  bool begin(const Segment& segment);
  bool continues(const Segment& segment) const;
  void seal();
  wire::MutableBytes frame() { return {bytes_.get() + wire::VnetHeader::kBytes, size_}; }
  wire::Bytes frame() const { return {bytes_.get() + wire::VnetHeader::kBytes, size_}; }

  std::unique_ptr<uint8_t[]> bytes_;  // the vnet header, then the frame
  size_t size_ = 0;                   // of the frame
  size_t header_bytes_ = 0;           // Ethernet, IP and TCP
  size_t segment_bytes_ = 0;          // of data in the first segment, and so in all but the last
  uint32_t next_sequence_ = 0;
  size_t segments_ = 0;
  bool complete_ = false;  // a short segment or PSH ends it
};

}  // namespace postern::relay
