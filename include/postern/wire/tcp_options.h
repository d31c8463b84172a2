// tcp_options.h - the TCP options that a fast connection needs: MSS (RFC 9293 3.7.1), window scale (RFC 7323 2), SACK (RFC 2018).
//
// Timestamps are not among them: between two ends of one TAP a segment cannot be old enough to be taken for a new one.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "postern/wire/bytes.h"

namespace postern::wire {

inline constexpr size_t kMaxTcpOptionBytes = 40;  // 15 words of header, RFC 9293 3.1, less the 5 that are always there
inline constexpr size_t kMaxSackBlocks = 4;       // RFC 2018 3: more do not fit

struct TcpOptions {
  static constexpr uint8_t kMaxWindowScale = 14;  // RFC 7323 2.3

  /// What has arrived beyond a gap: sequence numbers from `begin` up to `end`. As the sender wrote them, in whatever order.
  struct Block {
    uint32_t begin;
    uint32_t end;
    constexpr bool operator==(const Block&) const = default;
  };

  std::optional<uint16_t> mss;          // bytes; never 0, which says nothing and counts as absent
  std::optional<uint8_t> window_scale;  // a shift above kMaxWindowScale counts as that
  bool sack_permitted = false;
  std::array<Block, kMaxSackBlocks> sack{};
  size_t sack_blocks = 0;

  std::span<const Block> blocks() const { return std::span(sack).first(sack_blocks); }

  /// Reads TcpSegment::options. Whatever is malformed (a length of 0 or 1, beyond the end, wrong for its kind) ends the reading;
  /// what stood before it counts. An option that comes twice counts as it came last; kinds of no use to us are stepped over.
  static TcpOptions parse(Bytes options);
};

// Both write into `room`, which holds kMaxTcpOptionBytes, and return how many bytes they wrote, a multiple of 4.

/// For a SYN, or a SYN-ACK: those of MSS, SACK-permitted and window scale that `options` has. Blocks have no place in one.
size_t store_syn_options(MutableBytes room, const TcpOptions& options);
/// For an ACK: the first kMaxSackBlocks of `blocks`. Nothing where there are none.
size_t store_sack(MutableBytes room, std::span<const TcpOptions::Block> blocks);

}  // namespace postern::wire
