// grants.h - which connections may send to us. Where the namespace's programs together write more than we can carry, a few of
// their connections at a time keep us as busy as all would: the others' windows stay where they are until it is their turn. A
// receiver that grants, as Homa's does (Montazeri et al., SIGCOMM 2018).
//
//   granted ── has had its share, and others send too ──► held ── its turn; little is left to carry; kLongest ──► granted
#pragma once

#include <algorithm>
#include <vector>

#include "fair_share.h"
#include "tcp_flow.h"

namespace postern::flow {

class Grants {
 public:
  static constexpr Duration kLongest = FairShare::kRound * 5 / 4;  // to be held: whatever else goes on
  static constexpr size_t kShares = 2;  // in a round, so each is a half: all who send alike would have one only as the round ends
  static constexpr size_t kLittle = size_t{64} * 1024;  // of a burst: there is room for one more

  bool none_is_held() const { return held_.empty(); }
  void set_now(TimePoint now) {
    now_ = now;
    share_.set_now(now);
  }
  /// `bytes` came of it, in this burst.
  void charge(TcpFlow& flow, size_t bytes) {
    share_.charge(flow.taken_from_guest, bytes);
    burst_bytes_ += bytes;
    if (flow.sent_in_burst == burst_) return;
    flow.sent_in_burst = burst_;
    senders_.push_back(&flow);
  }
  /// At a burst's end, when more is behind it: who has had its share, and is not the only one who sends, is held. True: somebody
  /// else shall be granted, for none is left who is, or connections have sent little.
  bool hold_those_who_had_their_share() {
    std::erase_if(senders_, [](const TcpFlow* flow) { return flow->held || flow->receiver.is_finished(); });
    size_t left = senders_.size();
    bool none_is_left = false;
    for (TcpFlow* flow : senders_) {
      const size_t contenders = left + held_.size();
      if (contenders == 1 || !share_.is_spent(flow->taken_from_guest, kShares * contenders)) continue;
      hold(*flow);
      none_is_left = --left == 0;
    }
    return none_is_left || burst_bytes_ < kLittle;
  }
  void begin_burst() {
    ++burst_;
    burst_bytes_ = 0;
    senders_.clear();
  }
  /// Whoever was held longest is granted. nullptr: nobody is held.
  TcpFlow* grant_next() {
    TcpFlow* const flow = held_.first();
    if (flow) release(*flow);
    return flow;
  }
  bool one_is_overdue() const { return !held_.empty() && now_ - held_.first()->held_since >= kLongest; }
  /// It has ended.
  void forget(TcpFlow& flow) {
    if (flow.held) release(flow);
    if (flow.sent_in_burst == burst_) std::erase(senders_, &flow);
  }

 private:
  void hold(TcpFlow& flow) {
    flow.held = true;
    flow.held_since = now_;
    flow.receiver.hold_edge();
    held_.append(flow);
  }
  /// Its next share begins now: what it was promised before does not count.
  void release(TcpFlow& flow) {
    flow.held = false;
    flow.taken_from_guest = {};
    flow.receiver.release_edge();
    held_.remove(flow);
  }

  FairShare share_;
  LinkedList<TcpFlow, &TcpFlow::held_links> held_;
  TimePoint now_{};
  uint32_t burst_ = 1;
  size_t burst_bytes_ = 0;
  std::vector<TcpFlow*> senders_;  // in this burst
};

}  // namespace postern::flow
