// superframe.h - many TCP segments in one write to the TAP: what the kernel calls generic receive offload, done by us.
//
//   libslirp:  [hdr|1460] [hdr|1460] [hdr|1460] [hdr|512]   one frame a segment, four writes of 2.5 us
//   here:      [vnet|hdr|1460 1460 1460 512]                one write of 3 us; the namespace's TCP takes it whole and ACKs once
//
// Only what TCP would see as one stretch of bytes is put together: the same connection, the next sequence number, nothing but ACK
// and PSH set, no options, every segment but the last of one size. Pure: bytes in, bytes out.
#pragma once

#include <memory>

#include "postern/wire/tcp.h"
#include "postern/wire/vnet_header.h"

namespace postern::relay {

class Superframe {
 public:
  Superframe();

  /// Takes a copy of `frame` in, if it continues what is here, or begins something that can be continued. False: the caller takes
  /// finish() away and then offers it again, or writes it by itself.
  bool add(wire::Bytes frame);
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
