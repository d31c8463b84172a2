#include <vector>

#include "postern/wire/checksum.h"
#include "postern/wire/tcp.h"

#include "fuzz_input.h"

using namespace postern;

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const wire::Bytes input(data, size);
  const auto segment = wire::TcpSegment::parse(input);
  if (!segment) return 0;
  fuzz::check_inside(segment->options, input);
  fuzz::check_inside(segment->payload, input);
  POSTERN_ASSERT(20 + segment->options.size() + segment->payload.size() == size);

  std::vector<uint8_t> mended(data, data + size);
  wire::clear_urgent(mended);
  POSTERN_ASSERT(!wire::TcpSegment::parse(mended)->has(wire::tcp_flag::urg));
  POSTERN_ASSERT((wire::finish(wire::sum(mended)) + 0xffff - wire::finish(wire::sum(input))) % 0xffff ==
                 0);  // as right as before
  return 0;
}
