// sightings.h - what passes the TAP, told to who watches. Exists only while somebody does.
//
//   TapPort::read ── came ──► Recorder       Relay::carry ── became ──► Witness
//   TapPort::write ─ goes ──► Recorder, Witness                         what a frame has called forth is told after it
#pragma once

#include <array>
#include <vector>

#include "postern/relay/witness.h"
#include "postern/wire/vnet_header.h"

namespace postern::relay {

class Sightings {
 public:
  void set(Witness* witness) { witness_ = witness; }
  void set(Recorder* recorder) { recorder_ = recorder; }
  bool has_nobody() const { return !witness_ && !recorder_; }

  /// A frame of the namespace's, before anything is done with it: what decides may write to it.
  void came(wire::Bytes frame, uint32_t segment_bytes);
  /// And afterwards. Only way, time and sizes are filled in here.
  void became(Sighting::Fate fate, Carrier carrier, std::optional<Drop> drop);

  /// Before and after a write of one frame in parts.
  TimePoint before_write() const { return Clock::now(); }
  void written(std::span<const iovec> parts, size_t vnet_bytes, TimePoint when);

 private:
  struct Shown {
    Sighting sighting;
    std::array<uint8_t, Witness::kMostShown> start;
    size_t start_bytes = 0;
  };
  void show(const Shown& shown) const;

  Witness* witness_ = nullptr;
  Recorder* recorder_ = nullptr;
  Shown current_;  // the namespace's frame whose fate is not known yet
  bool has_current_ = false;
  std::vector<Shown> called_forth_;  // by it
};

}  // namespace postern::relay
