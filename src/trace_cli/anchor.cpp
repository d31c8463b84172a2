#include "anchor.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

namespace postern::trace_cli {

namespace {

template <class Clock>
uint64_t now_by() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count());
}

}  // namespace

Anchor Anchor::now() {
  return {.realtime_ns = now_by<std::chrono::system_clock>(), .monotonic_ns = now_by<std::chrono::steady_clock>()};
}

std::chrono::system_clock::time_point calendar_time(const Anchor& anchor, uint64_t time_ns) {
  const std::chrono::nanoseconds since_epoch(static_cast<int64_t>(anchor.realtime_ns + time_ns - anchor.monotonic_ns));
  return std::chrono::system_clock::time_point(std::chrono::duration_cast<std::chrono::system_clock::duration>(since_epoch));
}

std::string calendar_text(const Anchor& anchor) {
  const auto seconds = static_cast<std::time_t>(anchor.realtime_ns / 1'000'000'000);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", utc);
}

}  // namespace postern::trace_cli
