// loss.h - what a trace has missed, and what that means. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace postern::trace_cli {

struct Loss {
  uint64_t events = 0;
  uint64_t rule_messages = 0;  // of nftables: also such as were about packets that are not the trace's

  uint64_t all() const { return events + rule_messages; }
  Loss& operator+=(const Loss& more) {
    events += more.events;
    rule_messages += more.rule_messages;
    return *this;
  }
  /// For people; empty: nothing is missing.
  std::string text() const;
};

}  // namespace postern::trace_cli
