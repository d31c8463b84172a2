// packet_limit.h - --count: lets the events of the first so many packets pass, and tells when these packets have come to rest.
// Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "postern/journey/event.h"

namespace postern::trace_cli {

class PacketLimit {
 public:
  /// How long none of the packets may have been seen before they count as at rest.
  static constexpr std::chrono::milliseconds kRest{500};

  explicit PacketLimit(uint64_t most) : most_(most) {}

  void add(journey::Event event) { events_.push_back(std::move(event)); }
  /// What may be shown by now and was not: events of the first packets, in their order.
  std::vector<journey::Event> take(uint64_t now_ns);
  /// The same without waiting for more.
  std::vector<journey::Event> take_all();
  /// Events in memory.
  size_t kept() const { return events_.size(); }
  bool is_reached(uint64_t now_ns) const { return reached_ && now_ns > last_ns_ && now_ns - last_ns_ >= rest_ns(); }

 private:
  static constexpr uint64_t rest_ns() { return uint64_t{std::chrono::nanoseconds(kRest).count()}; }
  bool is_worth_a_look(uint64_t now_ns) const;
  /// Packets that were not seen since then are counted, and let go.
  std::vector<journey::Event> look(uint64_t seen_since_ns);

  uint64_t most_, gone_ = 0;
  std::vector<journey::Event> events_;  // what may still belong together: of packets that may pass, and what came since
  size_t looked_at_ = 0, shown_ = 0;
  bool reached_ = false;
  uint64_t looked_ns_ = 0;
  uint64_t last_ns_ = 0;  // when one of the first packets was last seen
};

}  // namespace postern::trace_cli
