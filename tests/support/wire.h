// wire.h - a long way between the two hosts of a lab, beside the direct one (topology.h): for what a veth is too quick to show.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "postern/base/result.h"

#include "keeper.h"
#include "lab.h"
#include "process.h"

namespace postern::lab {

struct Wire {
  unsigned number = 0;  // the addresses: 0 to 63, each once in a lab
  std::chrono::milliseconds round_trip{20};
  Families families = Families::both;

  /// Of the interface on both hosts: "wire20ms".
  std::string name() const;
  /// The remote's, reached through this wire alone; the host's is one less.
  std::string remote4() const;
  std::string remote6() const;
  /// A file of the lab: how many frames found the wire full.
  std::string lost_file() const;
  /// What scripts know of it: "LAB_WIRE_20MS4=203.0.113.2", "LAB_WIRE_20MS6=..." and "LAB_WIRE_20MS_LOST=...", a path.
  std::vector<std::string> environment() const;
};

/// Lays `wire`; it lies as long as what is returned. Needs the lab's "tun".
Result<Process> start(const Lab& lab, const Wire& wire);

}  // namespace postern::lab
