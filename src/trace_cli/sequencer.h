// sequencer.h - events of several observers, each with its own delay, put into one order of time. Pure.
//
//   probes, packet sockets, rule messages, our relay ──► add ──► wait a moment ──► take: ordered, a rule beside its drop
//
// Why rules are moved: nftables tells what a rule did with a packet by messages that come later, with the time of their coming. A
// probe told when the same packet passed the point before that chain. And of a packet that a rule has dropped both tell, the one
// the rule, the other the kernel's reason and place: together they are one event.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "postern/journey/event.h"

namespace postern::trace_cli {

class Sequencer {
 public:
  /// How long an event waits for others that are still under way.
  static constexpr std::chrono::milliseconds kDelay{50};

  /// Of those that wait: what comes beyond is lost.
  static constexpr size_t kMost = 100'000;

  void add(journey::Event event) {
    if (waiting_.size() < kMost)
      waiting_.emplace(event.time_ns, std::move(event));
    else
      ++lost_;
  }
  uint64_t lost() const { return lost_; }
  /// Those from before `until_ns`, in the order of their time.
  std::vector<journey::Event> take(uint64_t until_ns);
  std::vector<journey::Event> take_all() { return take(UINT64_MAX); }
  bool empty() const { return waiting_.empty(); }

 private:
  using Waiting = std::multimap<uint64_t, journey::Event>;
  void settle_rules();

  Waiting waiting_;
  uint64_t lost_ = 0;
};

}  // namespace postern::trace_cli
