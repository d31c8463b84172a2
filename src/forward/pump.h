// pump.h - one direction of a spliced connection: bytes from one socket to another.
//
// A little is copied. Once a read has brought much, splice(2) moves the pages themselves through a pipe, at a third of the
// processor's time (docs/ports.md), as long as much comes.
//
// What the receiver does not take is kept, in the pipe or in memory, and nothing more is read until it has; without such a stall
// a connection has neither.
#pragma once

#include <cstdint>
#include <vector>

#include "postern/base/unique_fd.h"
#include "postern/wire/bytes.h"

#include "pipe_pool.h"

namespace postern::forward {

/// One end of a spliced connection, as far as epoll(7) has told. Its socket does not block.
struct SplicedEnd {
  UniqueFd socket;
  bool can_read = false, can_write = false;
  bool reads_stop_short = false;  // not for want of more: the end may be right behind
  bool has_failed = false;

  /// Events of an edge.
  void take(uint32_t events);
};

class Pump {
 public:
  static constexpr size_t kShare = size_t{1} << 20;  // bytes, before another connection has its turn
  static constexpr int kMostInPipe = 1024 * 1024;    // bytes
  static constexpr size_t kMuch = size_t{64} * 1024, kLittle = size_t{4} * 1024;

  /// What all pumps of a thread share.
  struct Tools {
    wire::MutableBytes scratch;
    PipePool& pipes;
  };
  enum class Outcome { waits, more, ended, broken };  // more: its share is used up; ended: and it was passed on
  Outcome run(SplicedEnd& from, SplicedEnd& to, const Tools& tools);
  bool has_ended() const { return is_shut_; }
  uint64_t bytes() const { return bytes_; }
  size_t kept_bytes() const { return kept_.size() - sent_ + (pipe_ ? pipe_->bytes : 0); }

 private:
  enum class Step { go_on, waits, broken };
  Step send_kept(SplicedEnd& to);
  Step empty_pipe(SplicedEnd& to);
  Step move_pages(SplicedEnd& from, SplicedEnd& to, const Tools& tools);
  Step copy(SplicedEnd& from, SplicedEnd& to, wire::MutableBytes scratch);

  std::vector<uint8_t> kept_;
  size_t sent_ = 0;       // of kept_
  PipePool::Lease pipe_;  // with bytes that `to` has not taken yet
  bool is_bulk_ = false;
  bool has_read_all_ = false, is_shut_ = false;
  uint64_t bytes_ = 0;
};

}  // namespace postern::forward
