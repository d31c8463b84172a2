// datagram_writer.h - datagrams on their way into the namespace: as superframes where the TAP knows those of UDP, one by one
// where it does not, and in fragments where one is larger than the link.
#pragma once

#include "postern/wire/udp_superframe.h"

#include "tap_port.h"

namespace postern::relay {

class DatagramWriter {
 public:
  /// `mtu_bytes` is that of an IP packet. `first_id` is a number that nobody guesses.
  DatagramWriter(TapPort& tap, size_t mtu_bytes, uint32_t first_id) : tap_(tap), mtu_bytes_(mtu_bytes), next_id_(first_id) {}

  /// Datagrams of `segment_bytes` each, the last one shorter; none begins in one piece of `payload` and ends in another.
  void udp(const wire::UdpFrame& frame, std::span<const iovec> payload, size_t segment_bytes);
  /// One packet, whose payload is complete and not empty.
  struct Packet {
    Mac destination_mac, source_mac;
    wire::IpHeader ip;
  };
  void packet(const Packet& packet, wire::Bytes payload);
  /// A whole Ethernet frame.
  void frame(wire::Bytes frame);

  uint64_t frames() const { return frames_; }

 private:
  static constexpr size_t kMostPieces = 64;  // of a superframe

  void superframe(const wire::UdpFrame& frame, std::span<const iovec> payload, size_t segment_bytes);
  void one(const wire::UdpFrame& frame, wire::Bytes data);
  void write(std::span<const iovec> parts);
  bool has_vnet() const { return tap_.framing() == netns::TapFraming::vnet; }

  TapPort& tap_;
  size_t mtu_bytes_;
  uint32_t next_id_;
  uint64_t frames_ = 0;
};

}  // namespace postern::relay
