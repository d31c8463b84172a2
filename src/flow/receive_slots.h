// receive_slots.h - room for the datagrams of one recvmmsg(2): 64 KiB each, for with UDP_GRO each may be many in one. What no
// datagram has touched is not resident, and what a burst has touched goes back after it.
#pragma once

#include <sys/mman.h>

#include "postern/base/assert.h"
#include "postern/wire/bytes.h"

namespace postern::flow {

class ReceiveSlots {
 public:
  static constexpr size_t kSlots = 32;
  static constexpr size_t kSlotBytes = 65'536;

  ReceiveSlots() {
    void* room = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    POSTERN_ASSERT(room != MAP_FAILED);
    ::madvise(room, kBytes, MADV_NOHUGEPAGE);  // or the first byte makes 2 MiB resident, where huge pages are the rule
    room_ = static_cast<uint8_t*>(room);
  }
  ReceiveSlots(const ReceiveSlots&) = delete;
  ReceiveSlots& operator=(const ReceiveSlots&) = delete;
  ~ReceiveSlots() { ::munmap(room_, kBytes); }

  wire::MutableBytes operator[](size_t slot) { return {room_ + slot * kStride, kSlotBytes}; }
  void trim() { ::madvise(room_, kBytes, MADV_DONTNEED); }

 private:
  // Not a power of two, or the beginnings of all slots, which is all that small datagrams use, would share a few lines of the
  // cache.
  static constexpr size_t kStride = kSlotBytes + 2112;
  static constexpr size_t kBytes = kSlots * kStride;

  uint8_t* room_;
};

}  // namespace postern::flow
