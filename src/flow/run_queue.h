// run_queue.h - which connections have something to do, and whose turn it is.
//
//   fresh     have not had their share of this round: at once, in the order in which they came
//   current   has had its share: has its part of a round now, and keeps it though it has nothing for a moment
//   backlog   have had theirs too: one after the other is the current one; the first has a turn while that has nothing
//
// After kFreshInARow of the fresh one of the others has a turn.
#pragma once

#include <algorithm>
#include <utility>

#include "fair_share.h"
#include "tcp_flow.h"

namespace postern::flow {

class RunQueue {
 public:
  /// Of one of the backlog at a time. Some 90 MiB at 40 Gbit/s, of which what was written ahead, 7 MiB, is a small part.
  static constexpr Duration kLongestPart = std::chrono::milliseconds(20);

  bool empty() const { return fresh_.empty() && none_waits(); }
  void set_now(TimePoint now) {
    now_ = now;
    share_.set_now(now);
  }

  /// It has something to do. Nothing if it is here already.
  void add(TcpFlow& flow) {
    if (flow.place != TcpFlow::Place::none) return;
    const size_t contenders = backlog_.size() + 1 + (current_ && current_ != &flow ? 1 : 0);
    share_.is_spent(flow.taken_to_guest, contenders) ? let_wait(flow) : append_to_fresh(flow);
  }
  /// It has had a turn, and that was not enough. Nothing if it is here already.
  void add_again(TcpFlow& flow) {
    if (flow.place == TcpFlow::Place::none) let_wait(flow);
  }
  /// Whose turn it is, and who is here no more. Not where it is empty.
  TcpFlow& take() {
    const bool is_fresh = none_waits() || (!fresh_.empty() && fresh_in_a_row_ < kFreshInARow);
    fresh_in_a_row_ = is_fresh && !none_waits() ? fresh_in_a_row_ + 1 : 0;
    TcpFlow& flow = is_fresh ? *fresh_.first() : next_of_those_who_wait();
    unlink(flow);
    return flow;
  }
  /// It has ended.
  void forget(TcpFlow& flow) {
    unlink(flow);
    if (current_ == &flow) current_ = nullptr;
  }
  /// `bytes` were carried for it.
  void charge(TcpFlow& flow, size_t bytes) { share_.charge(flow.taken_to_guest, bytes); }

 private:
  static constexpr int kFreshInARow = 16;
  using Flows = LinkedList<TcpFlow, &TcpFlow::run_links>;

  bool current_waits() const { return current_ && current_->place == TcpFlow::Place::current; }
  bool none_waits() const { return backlog_.empty() && !current_waits(); }
  bool part_is_over() const {
    return now_ - part_began_ >= std::min(FairShare::kRound / static_cast<int>(backlog_.size() + 1), kLongestPart);
  }
  TcpFlow& next_of_those_who_wait() {
    if (current_ && part_is_over()) end_part();
    if (!current_) begin_part_of(*backlog_.first());
    TcpFlow& flow = current_waits() ? *current_ : *backlog_.first();
    flow.turn_in_part = part_;
    return flow;
  }
  void begin_part_of(TcpFlow& flow) {
    unlink(flow);
    flow.place = TcpFlow::Place::current;
    current_ = &flow;
    part_began_ = now_;
    ++part_;
  }
  void end_part() {
    TcpFlow& flow = *std::exchange(current_, nullptr);
    if (flow.place == TcpFlow::Place::current) append_to_backlog(flow);
  }

  /// Who has had a turn in the current one's absence comes behind it, before the others: it would lose its place otherwise by
  /// having been there.
  void let_wait(TcpFlow& flow) {
    if (&flow == current_) {
      flow.place = TcpFlow::Place::current;
    } else if (flow.turn_in_part == part_ && current_) {
      flow.place = TcpFlow::Place::backlog;
      backlog_.prepend(flow);
    } else {
      append_to_backlog(flow);
    }
  }
  void append_to_fresh(TcpFlow& flow) {
    flow.place = TcpFlow::Place::fresh;
    fresh_.append(flow);
  }
  void append_to_backlog(TcpFlow& flow) {
    flow.place = TcpFlow::Place::backlog;
    backlog_.append(flow);
  }
  void unlink(TcpFlow& flow) {
    if (flow.place == TcpFlow::Place::fresh) fresh_.remove(flow);
    if (flow.place == TcpFlow::Place::backlog) backlog_.remove(flow);
    flow.place = TcpFlow::Place::none;
  }

  FairShare share_;
  TimePoint now_{};
  Flows fresh_, backlog_;
  int fresh_in_a_row_ = 0;      // while somebody waited
  TcpFlow* current_ = nullptr;  // whose part of the round it is
  TimePoint part_began_{};
  uint32_t part_ = 1;  // its number
};

}  // namespace postern::flow
