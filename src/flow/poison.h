// poison.h - memory that we hand out and take back ourselves is no mystery to AddressSanitizer: what is free may not be touched.
#pragma once

#include <cstddef>

#ifdef POSTERN_SANITIZED
#include <sanitizer/asan_interface.h>
#endif

namespace postern::flow {

/// Both do nothing in a build without AddressSanitizer. `memory` is aligned to 8, the grain of the shadow.
inline void poison([[maybe_unused]] const void* memory, [[maybe_unused]] size_t bytes) {
#ifdef POSTERN_SANITIZED
  ASAN_POISON_MEMORY_REGION(memory, bytes);
#endif
}
inline void unpoison([[maybe_unused]] const void* memory, [[maybe_unused]] size_t bytes) {
#ifdef POSTERN_SANITIZED
  ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
#endif
}

}  // namespace postern::flow
