// pump.h - one direction of a spliced connection: bytes from one socket to another, by a copy through memory that is in the
// processor's cache. splice(2) through a pipe costs four descriptors a connection more, and on one host moves hardly more
// (docs/ports.md).
//
// What the receiver does not take is kept, and nothing more is read until it has; without such a stall a connection has no
// memory of its own.
#pragma once

#include <cstdint>
#include <vector>

#include "postern/base/unique_fd.h"
#include "postern/wire/bytes.h"

namespace postern::forward {

/// One end of a spliced connection, as far as epoll(7) has told.
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

  enum class Outcome { waits, more, ended, broken };  // more: its share is used up; ended: and it was passed on
  Outcome run(SplicedEnd& from, SplicedEnd& to, wire::MutableBytes scratch);
  bool has_ended() const { return is_shut_; }
  uint64_t bytes() const { return bytes_; }
  size_t kept_bytes() const { return kept_.size() - sent_; }

 private:
  enum class Step { go_on, waits, broken };
  Step send_kept(SplicedEnd& to);
  Step copy(SplicedEnd& from, SplicedEnd& to, wire::MutableBytes scratch);

  std::vector<uint8_t> kept_;
  size_t sent_ = 0;  // of kept_
  bool has_read_all_ = false, is_shut_ = false;
  uint64_t bytes_ = 0;
};

}  // namespace postern::forward
