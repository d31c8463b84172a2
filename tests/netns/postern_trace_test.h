// postern_trace_test.h - the fixture of tests of `postern trace`: it runs, packets pass, it ends, and what it saw is looked at.
#pragma once

#include <nlohmann/json.hpp>

#include <csignal>
#include <set>

#include "bridge_test.h"

namespace postern::lab {

using Json = nlohmann::json;

/// Where a packet was: the namespace's inode, and the point.
struct Seen {
  uint64_t inode = 0;
  std::string point;
  bool operator==(const Seen&) const = default;
};
inline void PrintTo(const Seen& seen, std::ostream* os) { *os << seen.point << "@" << seen.inode; }

/// On a host with a bridge network, as BridgeTest; traces are root's.
class TraceTest : public BridgeTest {
 protected:
  /// A trace that watches by now. What it writes goes to files of the lab, for it is much.
  Process trace(std::string_view words, Role as = Role::root) const {
    auto started = host().spawn({.argv = {"sh", "-c", fmt::format("exec postern trace {}", words)}, .role = as});
    if (!started) {
      ADD_FAILURE() << started.error().message();
      return Process({}, 0, {}, {});
    }
    const bool watches = wait_until([&] { return started->err().find("watching") != std::string::npos || !started->running(); });
    EXPECT_TRUE(watches && started->running()) << started->err();
    return std::move(*started);
  }
  /// Ends it as Ctrl-C does, and takes what it has written.
  static std::string finished(Process& trace) {
    trace.signal(SIGINT);
    EXPECT_EQ(trace.wait(), 0) << trace.err();
    return trace.out();
  }
  /// The events of a --json.
  static std::vector<Json> events(std::string_view lines) {
    std::vector<Json> all;
    while (!lines.empty()) {
      const std::string_view line = lines.substr(0, lines.find('\n'));
      lines.remove_prefix(std::min(lines.size(), line.size() + 1));
      all.push_back(Json::parse(line, nullptr, false));
      EXPECT_TRUE(all.back().is_object()) << line;
    }
    return all;
  }
  /// Ends it when it has written `text` so often: what it saw has been shown, whatever the machine had to do meanwhile.
  static std::string finished_after(Process& trace, std::string_view text, size_t times = 1) {
    const auto count = [&] {
      const std::string out = trace.out();
      size_t found = 0;
      for (size_t at = out.find(text); at != out.npos; at = out.find(text, at + text.size())) ++found;
      return found;
    };
    EXPECT_TRUE(wait_until([&] { return count() >= times || !trace.running(); }) && count() >= times)
        << text << " is not in\n"
        << trace.out() << trace.err();
    return finished(trace);
  }

  static uint64_t inode_of(const Machine& machine) { return std::stoull("0" + machine.sh("stat -Lc %i /proc/self/ns/net").out); }
  static Seen where(const Json& event) {
    return {event.value("/netns/inode"_json_pointer, uint64_t{0}), event.value("point", "")};
  }
  static std::string text_at(const Json& event, const char* pointer) {
    return event.value(Json::json_pointer(pointer), std::string());
  }
  /// Those for which `wanted` holds.
  template <class Wanted>
  static std::vector<Json> only(const std::vector<Json>& events, Wanted wanted) {
    std::vector<Json> some;
    std::copy_if(events.begin(), events.end(), std::back_inserter(some), wanted);
    return some;
  }
  /// Whether `expected` are among the events in this order, others between them or not.
  static void expect_way(const std::vector<Json>& events, const std::vector<Seen>& expected) {
    auto at = events.begin();
    for (const Seen& seen : expected) {
      at = std::find_if(at, events.end(), [&](const Json& event) { return where(event) == seen; });
      if (at == events.end()) {
        std::string all;
        for (const Json& event : events) all += event.dump() + "\n";
        ADD_FAILURE() << testing::PrintToString(seen) << " is not where it should be in\n" << all;
        return;
      }
      ++at;
    }
  }
  /// The probes of the kernel can be had here.
  bool has_probes() const {
    return host().sh("postern trace --probe --json | jq -e '[.rungs[] | select(.name == \"netfilter link\")][0].works'").ok();
  }
};

}  // namespace postern::lab
