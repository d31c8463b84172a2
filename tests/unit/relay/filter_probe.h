// filter_probe.h - asks a frame filter for one frame's fate, in words: "pass", "absorbed", "refuse host_alias", "drop malformed".
#pragma once

#include <fmt/format.h>

#include <string>

#include "postern/relay/frame_filter.h"

#include "../wire/frame_builder.h"

namespace postern::relay::test {

using namespace wire::test;

class FilterProbe {
 public:
  explicit FilterProbe(const FilterConfig& config = {}) : filter_(config) {}

  std::string fate(Frame frame) {
    const DropCounters before = filter_.drops();
    frame_ = std::move(frame);
    verdict_ = filter_.decide(frame_, {now, open_flows});
    std::string words = action();
    for (size_t i = 0; i < kDropReasons; ++i) {
      const Drop reason{static_cast<uint8_t>(i)};
      for (uint64_t n = before.of(reason); n < filter_.drops().of(reason); ++n) words += fmt::format(" {}", name(reason));
    }
    return words;
  }

  /// The frame to be handed on, or the answer, of the last verdict.
  Frame out() const { return {verdict_.frame.begin(), verdict_.frame.end()}; }
  FrameFilter& filter() { return filter_; }

  TimePoint now{std::chrono::hours(1)};
  size_t open_flows = 0;

 private:
  const char* action() const {
    switch (verdict_.action) {
      case Verdict::Action::pass: return "pass";
      case Verdict::Action::refuse: return "refuse";
      case Verdict::Action::absorbed: return "absorbed";
      case Verdict::Action::drop: return "drop";
    }
    return "?";
  }

  FrameFilter filter_;
  Frame frame_;
  Verdict verdict_{};
};

inline FilterConfig with_host_loopback() {
  FilterConfig config;
  config.host_loopback = stack::HostLoopback::gateway;
  return config;
}

inline constexpr const char* kGuest4 = "10.0.2.100";
inline constexpr const char* kGuest6 = "fd00::64";

/// From the guest's address of the same family.
inline Ends to(const char* destination) {
  const bool v4 = std::holds_alternative<Ipv4>(*parse_ip(destination));
  return {v4 ? kGuest4 : kGuest6, destination};
}
inline Ends from(const char* source) {
  const bool v4 = std::holds_alternative<Ipv4>(*parse_ip(source));
  return {source, v4 ? "192.0.2.1" : "2001:db8::1"};
}

inline Frame echo_request(const Ends& ends, uint16_t id = 7) {
  return icmp_frame(ends, {.type = static_cast<uint8_t>(ends.is_v4() ? 8 : 128), .echo_id = id});
}

}  // namespace postern::relay::test
