#include <array>

#include "postern/wire/tcp_options.h"

#include "fuzz_input.h"

using namespace postern;
using wire::TcpOptions;

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const TcpOptions read = TcpOptions::parse({data, size});
  POSTERN_ASSERT(read.sack_blocks <= read.sack.size());
  POSTERN_ASSERT(!read.mss || *read.mss != 0);
  POSTERN_ASSERT(!read.window_scale || *read.window_scale <= TcpOptions::kMaxWindowScale);

  std::array<uint8_t, wire::kMaxTcpOptionBytes> room{};
  const size_t syn_bytes = wire::store_syn_options(room, read);
  POSTERN_ASSERT(syn_bytes % 4 == 0 && syn_bytes <= room.size());
  const TcpOptions syn = TcpOptions::parse(wire::Bytes(room).first(syn_bytes));
  POSTERN_ASSERT(syn.mss == read.mss && syn.window_scale == read.window_scale && syn.sack_permitted == read.sack_permitted);

  const size_t sack_bytes = wire::store_sack(room, read.blocks());
  POSTERN_ASSERT(sack_bytes % 4 == 0 && sack_bytes <= room.size());
  const TcpOptions ack = TcpOptions::parse(wire::Bytes(room).first(sack_bytes));
  POSTERN_ASSERT(std::ranges::equal(ack.blocks(), read.blocks()));
  return 0;
}
