// stack_flows.h - the TCP connections that are libslirp's while the fast engine has all others: those it opened itself, for a
// client of a published port. A connection belongs to one engine from its first segment to its end.
#pragma once

#include <unordered_map>

#include "postern/base/clock.h"
#include "postern/flow/flow_key.h"
#include "postern/wire/tcp.h"

namespace postern::relay {

class StackFlows {
 public:
  static constexpr Duration kSilence = std::chrono::minutes(10);        // after which it has ended without a word
  static constexpr Duration kAfterBothEnds = std::chrono::seconds(30);  // for a FIN that comes again

  /// `most` at once; of more, the oldest silent ones are forgotten. The key keeps strangers from choosing what collides.
  StackFlows(size_t most, const std::array<uint64_t, 2>& hash_key) : most_(most), flows_(0, Hash{hash_key}) {}

  /// A segment that libslirp sends. Its SYN is the beginning.
  void note_to_guest(const flow::FlowKey& key, const wire::TcpSegment& tcp, TimePoint now);
  /// A segment from the namespace; true: it is libslirp's.
  bool note_from_guest(const flow::FlowKey& key, const wire::TcpSegment& tcp, TimePoint now);
  size_t size() const { return flows_.size(); }

 private:
  struct Hash {
    std::array<uint64_t, 2> secret;
    size_t operator()(const flow::FlowKey& key) const { return flow::hash(key, secret); }
  };
  struct Life {
    TimePoint expires;
    bool guest_ended = false, stack_ended = false;
  };
  using Flows = std::unordered_map<flow::FlowKey, Life, Hash>;

  void note(Flows::iterator flow, bool Life::*ended, const wire::TcpSegment& tcp, TimePoint now);
  void make_room(TimePoint now);

  size_t most_;
  Flows flows_;
};

}  // namespace postern::relay
