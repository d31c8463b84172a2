#include "postern/wire/arp.h"

#include "fuzz_input.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (postern::wire::ArpPacket::parse({data, size})) POSTERN_ASSERT(size >= 28);
  return 0;
}
