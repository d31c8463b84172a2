// top_sample.h - what a running postern carried at one moment, and how fast that was since the moment before. Pure.
//
//   before   flow a 100 bytes   flow b 40          ──► rates: a (300 - 100) / seconds, c all of its bytes / seconds, for it is
//   now      flow a 300         flow c 70, young         younger than the moment before; nothing of one that was not seen then
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "postern/base/clock.h"

#include "options.h"

namespace postern::cli {

struct SeenEnd {
  std::string address;  // empty: not known
  std::optional<uint16_t> port;
  bool operator==(const SeenEnd&) const = default;
};

struct SeenFlow {
  std::string protocol, state;  // "tcp", "ESTABLISHED"; a state only of TCP
  bool is_inbound = false;
  SeenEnd guest, remote, host;
  std::optional<uint64_t> carried_to_guest, carried_to_remote;  // bytes
  std::optional<std::chrono::microseconds> rtt_guest, rtt_remote;
  std::optional<std::chrono::milliseconds> age;
};

/// Who is looked at: what does not change while it runs.
struct Watched {
  std::string version, engine;
  uint64_t pid = 0, flow_limit = 0;
  std::chrono::seconds uptime{};  // when it was asked
  TimePoint asked_at{};
};

using DropCounts = std::vector<std::pair<std::string, uint64_t>>;  // by reason

struct Sample {
  TimePoint taken{};
  std::vector<SeenFlow> flows;
  uint64_t total_flows = 0;  // a listing has a bound
  uint64_t frames_from_guest = 0, frames_to_guest = 0;
  std::optional<uint64_t> bytes_to_guest, bytes_to_remote;  // of all flows there ever were; libslirp does not count
  DropCounts drops;
};

/// Bytes a second.
struct Rates {
  std::optional<double> to_guest, to_remote;
  double sum() const { return to_guest.value_or(0) + to_remote.value_or(0); }
};

struct Change {
  std::optional<double> seconds;  // since the sample before; nothing: this is the first, and there are no rates
  std::vector<Rates> flows;       // in the order of the sample's
  Rates whole;
  std::optional<double> frames_from_guest, frames_to_guest;  // a second
  DropCounts drops;                                          // more by so many; of the first sample: all there were
};

Change compare(const std::optional<Sample>& before, const Sample& now);

/// Places in now.flows, the first to show first.
std::vector<size_t> in_order(const Sample& now, const Change& change, TopOptions::Sort by);

/// Visible ASCII and spaces, whatever it was: what an answer says is shown at a terminal.
std::string printable(std::string_view text);

}  // namespace postern::cli
