// The one function that writes into a frame by what a hostile vnet header says.
#include <vector>

#include "postern/wire/vnet_header.h"

#include "fuzz_input.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint8_t> bytes(data, data + size);
  const auto vnet = postern::wire::VnetHeader::parse(bytes);
  if (!vnet) return 0;
  const postern::wire::MutableBytes frame(bytes);
  postern::wire::complete_checksum(frame.subspan(postern::wire::VnetHeader::kBytes));
  vnet->store(frame);
  const auto again = postern::wire::VnetHeader::parse(frame);
  POSTERN_ASSERT(again->needs_checksum == vnet->needs_checksum && again->gso == vnet->gso);
  POSTERN_ASSERT(again->segment_bytes == vnet->segment_bytes && again->checksum_start == vnet->checksum_start);
  return 0;
}
