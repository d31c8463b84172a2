// run_queue.h - which connections have something to do, and whose turn it is.
//
//   fresh     have not had their share of this round: at once, in the order in which they came
//   backlog   always have more than a turn takes: the current one until its part of a round is over, and the next ones only while
//             it has nothing; and a turn after each kFreshInARow of the fresh
#pragma once

#include <algorithm>

#include "fair_share.h"
#include "tcp_flow.h"

namespace postern::flow {

class RunQueue {
 public:
  /// Of one of the backlog at a time. Some 90 MiB at 40 Gbit/s, of which what was written ahead, 7 MiB, is a small part.
  static constexpr Duration kLongestPart = std::chrono::milliseconds(20);

  bool empty() const { return fresh_.empty() && backlog_.empty(); }
  void set_now(TimePoint now) {
    now_ = now;
    share_.set_now(now);
  }

  /// It has something to do. Nothing if it is here already.
  void add(TcpFlow& flow) {
    if (flow.place != TcpFlow::Place::none) return;
    const bool has_had_its_share = share_.is_spent(flow.taken_to_guest, backlog_.size() + 1);
    has_had_its_share ? join_backlog(flow, false) : append_to_fresh(flow);
  }
  /// It has had a turn, and that was not enough. Nothing if it is here already.
  void add_again(TcpFlow& flow) {
    if (flow.place != TcpFlow::Place::none) return;
    join_backlog(flow, flow.last_place == TcpFlow::Place::backlog);
  }
  /// Whose turn it is, and who is here no more. Not where it is empty.
  TcpFlow& take() {
    const bool is_fresh = backlog_.empty() || (!fresh_.empty() && fresh_in_a_row_ < kFreshInARow);
    fresh_in_a_row_ = is_fresh && !backlog_.empty() ? fresh_in_a_row_ + 1 : 0;
    TcpFlow& flow = *(is_fresh ? fresh_ : backlog_).first();
    flow.last_place = flow.place;
    unlink(flow);
    if (!is_fresh && &flow != current_ && (!current_ || part_is_over())) begin_part_of(flow);
    return flow;
  }
  /// It has ended.
  void forget(TcpFlow& flow) {
    if (flow.place != TcpFlow::Place::none) unlink(flow);
    if (current_ == &flow) current_ = nullptr;
  }
  /// `bytes` were carried for it.
  void charge(TcpFlow& flow, size_t bytes) { share_.charge(flow.taken_to_guest, bytes); }

 private:
  static constexpr int kFreshInARow = 16;
  using Flows = LinkedList<TcpFlow, &TcpFlow::run_links>;

  void begin_part_of(TcpFlow& flow) {
    current_ = &flow;
    current_since_ = now_;
  }
  bool part_is_over() const {
    return now_ - current_since_ >= std::min(FairShare::kRound / static_cast<int>(backlog_.size() + 1), kLongestPart);
  }
  /// Before the others, where it goes on with what it had begun. The current one does so until its part is over, whether or not
  /// it had nothing to do for a moment: of the next one all that was written ahead would have to come into the cache first.
  void join_backlog(TcpFlow& flow, bool goes_on) {
    if (&flow == current_) {
      goes_on = !part_is_over();
      if (!goes_on) current_ = nullptr;
    }
    goes_on ? prepend_to_backlog(flow) : append_to_backlog(flow);
  }
  void append_to_fresh(TcpFlow& flow) {
    flow.place = TcpFlow::Place::fresh;
    fresh_.append(flow);
  }
  void append_to_backlog(TcpFlow& flow) {
    flow.place = TcpFlow::Place::backlog;
    backlog_.append(flow);
  }
  void prepend_to_backlog(TcpFlow& flow) {
    flow.place = TcpFlow::Place::backlog;
    backlog_.prepend(flow);
  }
  void unlink(TcpFlow& flow) {
    (flow.place == TcpFlow::Place::fresh ? fresh_ : backlog_).remove(flow);
    flow.place = TcpFlow::Place::none;
  }

  FairShare share_;
  TimePoint now_{};
  Flows fresh_, backlog_;
  int fresh_in_a_row_ = 0;      // while there was a backlog
  TcpFlow* current_ = nullptr;  // whose part of the round it is
  TimePoint current_since_{};
};

}  // namespace postern::flow
