// rule_events.h - what the rules of nftables did with the packets of a trace, rule by rule and with each rule's text: who dropped
// it, and why. Needs no BPF, only power over the network namespace.
//
//   TracingTable (ours) marks ──► the kernel runs the rules, of everybody ──► RuleTrace ──► TracedPackets ──► events
//                                                                           RuleTexts (read again when the ruleset changes) ─┘
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "postern/base/clock.h"
#include "postern/base/result.h"
#include "postern/base/unique_fd.h"
#include "postern/journey/event.h"
#include "postern/journey/following.h"
#include "postern/loop/event_loop.h"
#include "postern/netfilter/rule_texts.h"
#include "postern/netfilter/rule_trace.h"
#include "postern/netfilter/tracing_table.h"
#include "postern/trace/source.h"

namespace postern::trace {

class RuleListing;
class TracedPackets;

/// A rule that matched, or a policy that decided, is an event of Point::rule. Where it drops the packet, an event of Point::drop
/// follows, with the same rule: its reason is "nft rule" or "nft policy", its place the chain. (The kernel's probes tell the same
/// drop as NETFILTER_DROP; who has both shows the one that names a rule.) Times are those of our reading: Clock::arrival.
class RuleEvents : public Source {
 public:
  /// Of the calling thread's network namespace; it stays tied to it, wherever the thread goes, and goes back there to read the
  /// rules. No packet fares otherwise for it. `loop` must outlive this.
  /// Errors: EPERM without CAP_NET_ADMIN in the user namespace that owns the network namespace; EPROTONOSUPPORT without
  /// nf_tables; EOPNOTSUPP before Linux 5.12.
  static Result<std::unique_ptr<RuleEvents>> open(loop::EventLoop& loop, std::shared_ptr<journey::Following> following,
                                                  journey::EventSink sink);
  ~RuleEvents() override;

  /// Messages of the kernel's, also such as were no events: of a tracer's rules, of another tracer's packets.
  uint64_t lost() const override { return messages_.lost(); }
  void drain() override;

 private:
  struct Parts;
  RuleEvents(loop::EventLoop& loop, Parts parts, std::unique_ptr<TracedPackets> packets, journey::EventSink sink);
  /// How many messages there were.
  size_t read_some();
  void refresh_texts();
  void take_listing();
  void end_listing();

  UniqueFd network_;
  netfilter::RuleTrace messages_;
  netfilter::TracingTable table_;
  netfilter::RulesetGeneration generation_;
  netfilter::RuleTexts texts_;
  std::optional<uint32_t> texts_of_;      // the generation
  std::unique_ptr<RuleListing> listing_;  // under way
  TimePoint listing_began_;
  loop::EventLoop::Timer listing_takes_long_;
  TimePoint texts_paid_;  // when as much time will have passed as reading them has cost
  std::unique_ptr<TracedPackets> packets_;
  journey::EventSink sink_;
  loop::EventLoop::Source watch_;
};

}  // namespace postern::trace
