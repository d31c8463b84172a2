// The one function that writes into a frame by what a hostile vnet header says.
#include <vector>

#include "postern/wire/vnet_header.h"

#include "fuzz_input.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint8_t> bytes(data, data + size);
  const auto vnet = postern::wire::VnetHeader::parse(bytes);
  if (vnet) postern::wire::complete_checksum(postern::wire::MutableBytes(bytes).subspan(postern::wire::VnetHeader::kBytes));
  return 0;
}
