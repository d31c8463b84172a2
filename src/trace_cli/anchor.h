// anchor.h - one moment by two clocks: events are timed by the one that counts from the start of the machine, people and captures
// by the calendar. A record keeps the moment at which it began: what is read elsewhere, or after a restart, has its own time
// then.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace postern::trace_cli {

struct Anchor {
  uint64_t realtime_ns = 0;   // since 1970, UTC
  uint64_t monotonic_ns = 0;  // as Event::time_ns

  static Anchor now();
  bool operator==(const Anchor&) const = default;
};

/// When by the calendar an event was.
std::chrono::system_clock::time_point calendar_time(const Anchor& anchor, uint64_t time_ns);
/// "2026-11-23 05:40:11 UTC"
std::string calendar_text(const Anchor& anchor);

}  // namespace postern::trace_cli
