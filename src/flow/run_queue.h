// run_queue.h - which connections have something to do, and whose turn it is.
//
//   fresh     have not had their share: at once, in the order in which they came
//   backlog   always have more: a share each, one after the other; and a turn after each kFreshInARow of the fresh
#pragma once

#include "fair_share.h"
#include "tcp_flow.h"

namespace postern::flow {

class RunQueue {
 public:
  bool empty() const { return fresh_.empty() && backlog_.empty(); }
  void set_now(TimePoint now) { share_.set_now(now); }

  /// It has something to do. Nothing if it is here already.
  void add(TcpFlow& flow) {
    if (flow.place != TcpFlow::Place::none) return;
    has_to_wait(flow) ? append_to_backlog(flow) : append_to_fresh(flow);
  }
  /// It has had a turn, and that was not enough: it goes on until its share is spent. Nothing if it is here already.
  void add_again(TcpFlow& flow) {
    if (flow.place != TcpFlow::Place::none) return;
    if (has_to_wait(flow)) return append_to_backlog(flow);
    flow.place = TcpFlow::Place::backlog;
    backlog_.prepend(flow);
  }
  /// Whose turn it is, and who is here no more. Not where it is empty.
  TcpFlow& take() {
    const bool is_fresh = backlog_.empty() || (!fresh_.empty() && fresh_in_a_row_ < kFreshInARow);
    fresh_in_a_row_ = is_fresh ? fresh_in_a_row_ + 1 : 0;
    TcpFlow& flow = *(is_fresh ? fresh_ : backlog_).first();
    remove(flow);
    return flow;
  }
  /// Nothing if it is not here.
  void remove(TcpFlow& flow) {
    if (flow.place == TcpFlow::Place::none) return;
    (flow.place == TcpFlow::Place::fresh ? fresh_ : backlog_).remove(flow);
    flow.place = TcpFlow::Place::none;
  }
  /// `bytes` were carried for it.
  void charge(TcpFlow& flow, size_t bytes) { share_.charge(flow.taken_to_guest, bytes); }

 private:
  static constexpr int kFreshInARow = 16;
  using Flows = LinkedList<TcpFlow, &TcpFlow::run_links>;

  /// If so, the next share begins when its turn comes.
  bool has_to_wait(TcpFlow& flow) const {
    if (!share_.is_spent(flow.taken_to_guest, backlog_.size() + 1)) return false;
    flow.taken_to_guest = {};
    return true;
  }
  void append_to_fresh(TcpFlow& flow) {
    flow.place = TcpFlow::Place::fresh;
    fresh_.append(flow);
  }
  void append_to_backlog(TcpFlow& flow) {
    flow.place = TcpFlow::Place::backlog;
    backlog_.append(flow);
  }

  FairShare share_;
  Flows fresh_, backlog_;
  int fresh_in_a_row_ = 0;
};

}  // namespace postern::flow
