// grants.h - which connections may send to us. Where the namespace's programs together write more than we can carry, a few of
// their connections at a time keep us as busy as all would: the others' windows stay where they are until it is their turn. A
// receiver that grants, as Homa's does (Montazeri et al., SIGCOMM 2018).
//
//   granted ── has had its share, and others send too ──► held ── its turn; nothing is left to carry; kLongest ──► granted
#pragma once

#include "fair_share.h"
#include "tcp_flow.h"

namespace postern::flow {

class Grants {
 public:
  /// Whoever sends little, but always something, must not keep the others waiting for ever.
  static constexpr Duration kLongest = FairShare::kRound * 5 / 4;

  bool none_is_held() const { return held_.empty(); }
  void set_now(TimePoint now) {
    now_ = now;
    share_.set_now(now);
  }
  /// `bytes` came of it.
  void charge(TcpFlow& flow, size_t bytes) { share_.charge(flow.taken_from_guest, bytes); }

  /// It has had its share, as one of `senders` that are granted, and there are others.
  bool has_to_wait(const TcpFlow& flow, size_t senders) const {
    const size_t contenders = senders + held_.size();
    return contenders > 1 && share_.is_spent(flow.taken_from_guest, contenders);
  }
  void hold(TcpFlow& flow) {
    flow.receiver.hold_edge();
    flow.held_since = now_;
    held_.append(flow);
  }
  /// Whoever was held longest is granted. nullptr: nobody is held.
  TcpFlow* grant_next() {
    TcpFlow* const flow = held_.first();
    if (flow) remove(*flow);
    return flow;
  }
  bool one_is_overdue() const { return !held_.empty() && now_ - held_.first()->held_since >= kLongest; }
  /// Its next share begins now: what it was promised before does not count. Nothing if it is not held.
  void remove(TcpFlow& flow) {
    if (!flow.receiver.edge_is_held()) return;
    flow.receiver.release_edge();
    flow.taken_from_guest = {};
    held_.remove(flow);
  }

 private:
  FairShare share_;
  LinkedList<TcpFlow, &TcpFlow::held_links> held_;
  TimePoint now_{};
};

}  // namespace postern::flow
