#include "postern/wire/ethernet.h"

#include "fuzz_input.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const postern::wire::Bytes input(data, size);
  if (const auto frame = postern::wire::EthernetFrame::parse(input)) {
    postern::fuzz::check_inside(frame->payload, input);
    POSTERN_ASSERT(frame->payload.size() + 14 == size);
  }
  return 0;
}
