#include "stack_flows.h"

#include <algorithm>

namespace postern::relay {

void StackFlows::note_to_guest(const flow::FlowKey& key, const wire::TcpSegment& tcp, TimePoint now) {
  auto flow = flows_.find(key);
  if (tcp.is_initial_syn()) {
    if (flow == flows_.end() && flows_.size() >= most_) make_room(now);
    flows_.insert_or_assign(key, Life{.expires = now + kSilence});
  } else if (flow != flows_.end()) {
    note(flow, &Life::stack_ended, tcp, now);
  }
}

bool StackFlows::note_from_guest(const flow::FlowKey& key, const wire::TcpSegment& tcp, TimePoint now) {
  const auto flow = flows_.find(key);
  if (flow == flows_.end()) return false;
  const bool is_over = now >= flow->second.expires;
  const bool begins_anew = tcp.is_initial_syn() && flow->second.guest_ended && flow->second.stack_ended;
  if (is_over || begins_anew) {
    flows_.erase(flow);
    return false;
  }
  note(flow, &Life::guest_ended, tcp, now);
  return true;
}

void StackFlows::note(Flows::iterator flow, bool Life::*ended, const wire::TcpSegment& tcp, TimePoint now) {
  if (tcp.has(wire::tcp_flag::rst)) {
    flows_.erase(flow);
    return;
  }
  Life& life = flow->second;
  life.*ended |= tcp.has(wire::tcp_flag::fin);
  life.expires = now + (life.guest_ended && life.stack_ended ? kAfterBothEnds : kSilence);
}

void StackFlows::make_room(TimePoint now) {
  std::erase_if(flows_, [&](const auto& entry) { return now >= entry.second.expires; });
  if (flows_.size() < most_) return;
  flows_.erase(std::ranges::min_element(flows_, {}, [](const auto& entry) { return entry.second.expires; }));
}

}  // namespace postern::relay
