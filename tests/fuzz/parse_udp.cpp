#include "postern/wire/udp.h"

#include "fuzz_input.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const postern::wire::Bytes input(data, size);
  if (const auto datagram = postern::wire::UdpDatagram::parse(input)) {
    postern::fuzz::check_inside(datagram->payload, input);
    POSTERN_ASSERT(datagram->payload.size() + 8 <= size);
  }
  return 0;
}
