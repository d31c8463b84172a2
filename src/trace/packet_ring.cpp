#include "packet_ring.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstring>

namespace postern::trace {
namespace {

constexpr std::string_view kDoing = "make a ring for packets";
constexpr size_t kBlockBytes = 1 << 16;  // the kernel's own memory comes in such pieces
constexpr size_t kRingBytes = PacketRing::kFrameBytes * PacketRing::kFrames;
constexpr int64_t kSecond = 1'000'000'000;

// In a frame: header, sockaddr_ll, then room for the link layer's header and the packet.
static_assert(TPACKET_ALIGN(TPACKET2_HDRLEN + 16) + PacketRing::kPacketBytes <= PacketRing::kFrameBytes);

}  // namespace

Result<PacketRing> PacketRing::make(const UniqueFd& socket) {
  const int version = TPACKET_V2;
  if (::setsockopt(socket.get(), SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0) return fail_errno(kDoing);
  const tpacket_req request{.tp_block_size = kBlockBytes,
                            .tp_block_nr = kRingBytes / kBlockBytes,
                            .tp_frame_size = kFrameBytes,
                            .tp_frame_nr = kFrames};
  if (::setsockopt(socket.get(), SOL_PACKET, PACKET_RX_RING, &request, sizeof request) < 0) return fail_errno(kDoing);
  void* memory = ::mmap(nullptr, kRingBytes, PROT_READ | PROT_WRITE, MAP_SHARED, socket.get(), 0);
  if (memory == MAP_FAILED) return fail_errno(kDoing);
  return PacketRing(static_cast<uint8_t*>(memory));
}

PacketRing::~PacketRing() {
  if (begin_) ::munmap(begin_, kRingBytes);
}

std::optional<PacketRing::Laid> PacketRing::next() {
  if ((std::atomic_ref(status()).load(std::memory_order_acquire) & TP_STATUS_USER) == 0) return std::nullopt;
  const auto& header = *reinterpret_cast<const tpacket2_hdr*>(frame());
  Laid laid{.from = {}, .bytes = {}, .realtime_ns = header.tp_sec * kSecond + header.tp_nsec};
  std::memcpy(&laid.from, frame() + TPACKET_ALIGN(sizeof header), sizeof laid.from);
  const size_t begin = std::min<size_t>(header.tp_mac, kFrameBytes);
  laid.bytes = {frame() + begin, std::min<size_t>(header.tp_snaplen, kFrameBytes - begin)};
  return laid;
}

void PacketRing::release() {
  std::atomic_ref(status()).store(TP_STATUS_KERNEL, std::memory_order_release);
  at_ = (at_ + 1) % kFrames;
}

}  // namespace postern::trace
