// tcp_options.cpp - reads and writes TCP options. The reading ends by construction: every step moves on.
#include "postern/wire/tcp_options.h"

#include "postern/base/assert.h"

#include "byte_writer.h"

namespace postern::wire {

namespace {

enum class Kind : uint8_t {  // IANA's; others are values without a name
  end = 0,
  no_operation = 1,
  mss = 2,
  window_scale = 3,
  sack_permitted = 4,
  sack = 5,
};

// Of an option, with its kind and its length.
constexpr size_t kMssBytes = 4, kWindowScaleBytes = 3, kSackPermittedBytes = 2, kSackBytes = 2, kBlockBytes = 8;

bool take_sack(TcpOptions& read, Bytes option) {
  const size_t blocks = (option.size() - kSackBytes) / kBlockBytes;
  if (blocks == 0 || blocks > kMaxSackBlocks || option.size() != kSackBytes + blocks * kBlockBytes) return false;
  for (size_t i = 0; i < blocks; ++i) {
    const size_t at = kSackBytes + i * kBlockBytes;
    read.sack[i] = {load32(option, at), load32(option, at + 4)};
  }
  read.sack_blocks = blocks;
  return true;
}

/// `option` is as long as it says. False: that is wrong for its kind.
bool take(TcpOptions& read, Bytes option) {
  switch (Kind{option[0]}) {
    case Kind::mss:
      if (option.size() != kMssBytes) return false;
      if (const uint16_t mss = load16(option, 2); mss != 0) read.mss = mss;
      return true;
    case Kind::window_scale:
      if (option.size() != kWindowScaleBytes) return false;
      read.window_scale = std::min(option[2], TcpOptions::kMaxWindowScale);
      return true;
    case Kind::sack_permitted:
      if (option.size() != kSackPermittedBytes) return false;
      read.sack_permitted = true;
      return true;
    case Kind::sack: return take_sack(read, option);
    case Kind::end:
    case Kind::no_operation: break;  // these have no length, and the caller knows them
  }
  return true;
}

/// Writes options one behind the other, each aligned as RFC 7323 appendix A advises: padded in front.
class Writer : public ByteWriter {
 public:
  explicit Writer(MutableBytes room) : ByteWriter(room) { POSTERN_ASSERT(room.size() >= kMaxTcpOptionBytes); }

  void begin(Kind kind, size_t bytes) {
    while ((written() + bytes) % 4 != 0) put8(static_cast<uint8_t>(Kind::no_operation));
    put8(static_cast<uint8_t>(kind));
    put8(static_cast<uint8_t>(bytes));
  }
};

}  // namespace

TcpOptions TcpOptions::parse(Bytes options) {
  TcpOptions read;
  while (!options.empty() && Kind{options[0]} != Kind::end) {
    if (Kind{options[0]} == Kind::no_operation) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2 || options[1] < 2 || options[1] > options.size()) break;
    if (!take(read, options.first(options[1]))) break;
    options = options.subspan(options[1]);
  }
  return read;
}

size_t store_syn_options(MutableBytes room, const TcpOptions& options) {
  Writer writer(room);
  if (options.mss) {
    writer.begin(Kind::mss, kMssBytes);
    writer.put16(*options.mss);
  }
  if (options.sack_permitted) writer.begin(Kind::sack_permitted, kSackPermittedBytes);
  if (options.window_scale) {
    writer.begin(Kind::window_scale, kWindowScaleBytes);
    writer.put8(std::min(*options.window_scale, TcpOptions::kMaxWindowScale));
  }
  return writer.written();
}

size_t store_sack(MutableBytes room, std::span<const TcpOptions::Block> blocks) {
  if (blocks.empty()) return 0;
  blocks = blocks.first(std::min(blocks.size(), kMaxSackBlocks));
  Writer writer(room);
  writer.begin(Kind::sack, kSackBytes + blocks.size() * kBlockBytes);
  for (const auto& [begin, end] : blocks) {
    writer.put32(begin);
    writer.put32(end);
  }
  return writer.written();
}

}  // namespace postern::wire
