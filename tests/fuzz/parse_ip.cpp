#include "postern/wire/ip.h"

#include "fuzz_input.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const postern::wire::Bytes input(data, size);
  const auto packet = postern::wire::IpPacket::parse(input);
  if (!packet) return 0;
  postern::fuzz::check_inside(packet->header, input);
  postern::fuzz::check_inside(packet->payload, input);
  postern::fuzz::check_inside(packet->whole(), input);
  POSTERN_ASSERT(packet->header.data() == input.data());
  POSTERN_ASSERT(packet->source.index() == packet->destination.index());
  POSTERN_ASSERT(packet->header.size() >= (packet->is_v4() ? 20u : 40u));
  POSTERN_ASSERT(packet->payload.empty() || packet->payload.data() == packet->header.data() + packet->header.size());
  POSTERN_ASSERT(!packet->is_v4() || !packet->extension_headers);
  POSTERN_ASSERT(packet->is_v4() || packet->extension_headers == (packet->header.size() > 40));
  POSTERN_ASSERT(!packet->fragment || packet->fragment->offset_bytes % 8 == 0);
  static_cast<void>(packet->header_checksum_ok());
  return 0;
}
