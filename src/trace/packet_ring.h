// packet_ring.h - where the kernel lays down the packets of a packet socket: memory that we share with it. Linux
// Documentation/networking/packet_mmap.rst, TPACKET_V2.
//
// Why not read(2): what a socket may hold is little where its owner has no power over the host (net.core.rmem_max: for long 200
// kB, some hundred packets); a ring is as large as it is made.
#pragma once

#include <linux/if_packet.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"
#include "postern/wire/bytes.h"

namespace postern::trace {

class PacketRing {
 public:
  static constexpr size_t kFrameBytes = 256, kFrames = 16'384;  // 4 MiB
  static constexpr uint32_t kPacketBytes = 160;  // what a frame has room for behind its own headers, and a little less

  /// Gives `socket` its ring; before it is bound, so that no packet goes into its queue. Errors: EPERM, ENOMEM.
  static Result<PacketRing> make(const UniqueFd& socket);
  PacketRing(PacketRing&& other) noexcept : begin_(std::exchange(other.begin_, nullptr)), at_(other.at_) {}
  PacketRing& operator=(PacketRing&&) = delete;
  ~PacketRing();

  struct Laid {
    sockaddr_ll from{};
    wire::Bytes bytes;        // from the link layer's header on
    int64_t realtime_ns = 0;  // CLOCK_REALTIME
  };
  /// The oldest packet; nothing: there is none. Its bytes stay until release(), which must be called before the next one.
  std::optional<Laid> next();
  void release();

 private:
  explicit PacketRing(uint8_t* begin) : begin_(begin) {}
  uint8_t* frame() const { return begin_ + at_ * kFrameBytes; }
  uint32_t& status() const { return reinterpret_cast<tpacket2_hdr*>(frame())->tp_status; }

  uint8_t* begin_;
  size_t at_ = 0;
};

}  // namespace postern::trace
