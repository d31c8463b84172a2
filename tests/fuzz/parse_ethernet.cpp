#include <algorithm>
#include <array>

#include "postern/wire/ethernet.h"

#include "fuzz_input.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const postern::wire::Bytes input(data, size);
  if (const auto frame = postern::wire::EthernetFrame::parse(input)) {
    postern::fuzz::check_inside(frame->payload, input);
    POSTERN_ASSERT(frame->payload.size() + 14 == size);
    std::array<uint8_t, postern::wire::EthernetFrame::kHeaderBytes> again{};
    postern::wire::store_ethernet_header(again, frame->destination, frame->source, frame->type);
    POSTERN_ASSERT(std::equal(again.begin(), again.end(), data));
  }
  return 0;
}
