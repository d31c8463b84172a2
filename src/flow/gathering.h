// gathering.h - what a burst brings from the namespace, by connection: one call to the host for each of them, however their
// frames come mixed. The bytes stay where the frames are; here are lists of them, which share one array.
#pragma once

#include <sys/uio.h>

#include <array>
#include <span>

#include "postern/base/assert.h"
#include "postern/wire/bytes.h"

#include "tcp_flow.h"

namespace postern::flow {

class Gathering {
 public:
  static constexpr size_t kMostPieces = 64;  // of all connections

  bool is_full() const { return pieces_in_use_ == kMostPieces; }
  /// Behind what `flow` has here. Not where it is full.
  void add(TcpFlow& flow, wire::Bytes bytes) {
    POSTERN_ASSERT(!is_full());
    const auto place = static_cast<uint8_t>(pieces_in_use_++);
    pieces_[place] = {{const_cast<uint8_t*>(bytes.data()), bytes.size()}, 0};
    GatheredList& list = flow.gathered;
    if (list.pieces == 0) {
      flows_[flows_in_use_++] = &flow;
      list.first = place;
    } else {
      pieces_[list.last].next = place;
    }
    list.last = place;
    ++list.pieces;
  }

  /// All of `flow`, in order, which has nothing here afterwards; until the next call.
  std::span<iovec> take(TcpFlow& flow) {
    size_t count = 0;
    uint8_t place = flow.gathered.first;
    for (; count < flow.gathered.pieces; place = pieces_[place].next) taken_[count++] = pieces_[place].bytes;
    flow.gathered = {};
    return std::span(taken_).first(count);
  }

  /// Those that have something here, or have had it since clear(), in the order in which it came.
  std::span<TcpFlow* const> flows() const { return std::span(flows_).first(flows_in_use_); }
  /// All was taken, or its connection has forgotten it.
  void clear() { pieces_in_use_ = flows_in_use_ = 0; }

 private:
  struct Piece {
    iovec bytes;
    uint8_t next;
  };

  std::array<Piece, kMostPieces> pieces_{};
  std::array<TcpFlow*, kMostPieces> flows_{};
  std::array<iovec, kMostPieces> taken_{};
  size_t pieces_in_use_ = 0, flows_in_use_ = 0;
};

}  // namespace postern::flow
