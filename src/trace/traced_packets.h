// traced_packets.h - from what the kernel tells of rules, message by message, to events. A message tells its packet only where a
// base chain begins; so packets are remembered by the messages' ids. Pure but for Following, which learns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "postern/journey/event.h"
#include "postern/journey/following.h"
#include "postern/netfilter/rule_texts.h"
#include "postern/netfilter/rule_trace.h"

namespace postern::trace {

/// The bytes of a packet whose headers came apart. Options of IPv4 that the kernel cut off are zeros; behind IPv6's extension
/// headers nothing is said about the transport layer.
std::vector<uint8_t> joined_packet(const std::vector<uint8_t>& network_header, const std::vector<uint8_t>& transport_header);

class TracedPackets {
 public:
  static constexpr size_t kPackets = 1024;                // remembered at once
  static constexpr uint64_t kPatienceNs = 2'000'000'000;  // an id that is older is another packet's

  TracedPackets(std::shared_ptr<journey::Following> following, uint64_t inode)
      : following_(std::move(following)), inode_(inode) {}

  struct Told {
    std::optional<journey::Event> rule, drop;
  };
  /// Nothing for packets that do not belong to the trace (another tracer has them marked), and for rules of a tracer's.
  Told take(const netfilter::TraceMessage& message, const netfilter::RuleTexts& texts, uint64_t now_ns);

 private:
  struct Known {
    bool is_followed = false;
    uint64_t seen_ns = 0;
    std::string hook;
    journey::Event event;  // of which each event is a copy: all but what the rule did
  };

  Known& known(uint32_t id, uint64_t now_ns);
  void take_packet(const netfilter::TraceMessage& message, Known& known) const;

  std::shared_ptr<journey::Following> following_;
  uint64_t inode_;
  std::map<uint32_t, Known> packets_;
  std::deque<uint32_t> order_;  // the oldest first
};

}  // namespace postern::trace
