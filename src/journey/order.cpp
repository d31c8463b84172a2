#include "order.h"

#include <algorithm>
#include <array>
#include <optional>

namespace postern::journey {

namespace {

/// How far on its way through a namespace a packet is. Rules of a hook stand between two points.
enum class Stage : uint8_t {
  tap_out,
  ingress,
  prerouting,
  rules_of_prerouting,
  after_dnat,
  rules_of_input_or_forward,
  input_or_forward,
  output,
  rules_of_output,
  postrouting,
  rules_of_postrouting,
  after_snat,
  egress,
  transmit,
  tap_in,
};

struct HookStage {
  std::string_view hook;
  Stage stage;
};
constexpr std::array<HookStage, 7> kHooks{{{"prerouting", Stage::rules_of_prerouting},
                                           {"postrouting", Stage::rules_of_postrouting},
                                           {"forward", Stage::rules_of_input_or_forward},
                                           {"input", Stage::rules_of_input_or_forward},
                                           {"output", Stage::rules_of_output},
                                           {"ingress", Stage::ingress},
                                           {"egress", Stage::egress}}};

/// By the hook if it is told, else by the chain's name, which mostly has it: "inet postern forward", "ip nat POSTROUTING".
std::optional<Stage> stage_of(const Rule& rule) {
  for (const HookStage& each : kHooks) {
    if (each.hook == rule.hook) return each.stage;
  }
  std::string chain = rule.chain.substr(rule.chain.rfind(' ') + 1);
  std::transform(chain.begin(), chain.end(), chain.begin(),
                 [](char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter; });
  for (const HookStage& each : kHooks) {
    if (chain.find(each.hook) != chain.npos) return each.stage;
  }
  return std::nullopt;
}

/// Nothing: the point may be anywhere.
std::optional<Stage> stage_of(const Event& event) {
  switch (event.point) {
    case Point::tap_out: return Stage::tap_out;
    case Point::ingress: return Stage::ingress;
    case Point::prerouting: return Stage::prerouting;
    case Point::after_dnat: return Stage::after_dnat;
    case Point::input:
    case Point::forward: return Stage::input_or_forward;
    case Point::output: return Stage::output;
    case Point::postrouting: return Stage::postrouting;
    case Point::after_snat: return Stage::after_snat;
    case Point::egress: return Stage::egress;
    case Point::transmit: return Stage::transmit;
    case Point::tap_in: return Stage::tap_in;
    case Point::rule: return event.rule ? stage_of(*event.rule) : std::nullopt;
    case Point::engine:
    case Point::host_socket:
    case Point::drop: break;
  }
  return std::nullopt;
}

/// Which hops belong to the event's namespace. Our relay stands at the end of the namespace that it serves, wherever it runs
/// itself: where nothing else is known of the namespace, that is what the event can be placed by.
class Neighbours {
 public:
  Neighbours(const Event& event, const std::vector<Event>& hops) : inode_(event.network.inode) {
    seen_ = std::any_of(hops.begin(), hops.end(), [&](const Event& hop) { return hop.network.inode == inode_; });
  }
  bool has(const Event& hop) const {
    return hop.network.inode == inode_ || (!seen_ && (hop.point == Point::tap_in || hop.point == Point::tap_out));
  }

 private:
  uint64_t inode_;
  bool seen_;
};

}  // namespace

size_t place_of(const Event& event, const std::vector<Event>& hops) {
  const std::optional<Stage> stage = stage_of(event);
  const Neighbours neighbours(event, hops);
  if (!stage) {  // after all that had happened in this namespace when the observer was told
    for (size_t i = hops.size(); i > 0; --i) {
      if (neighbours.has(hops[i - 1]) && hops[i - 1].time_ns <= event.time_ns) return i;
    }
    return hops.size();
  }
  std::optional<size_t> behind;
  for (size_t i = 0; i < hops.size(); ++i) {
    const std::optional<Stage> there = neighbours.has(hops[i]) ? stage_of(hops[i]) : std::nullopt;
    if (!there) continue;
    if (*there > *stage) return behind.value_or(i);
    behind = i + 1;
  }
  return behind.value_or(hops.size());
}

}  // namespace postern::journey
