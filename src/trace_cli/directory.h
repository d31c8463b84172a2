// directory.h - what namespaces and devices are called: observers know them by number. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "postern/journey/event.h"
#include "postern/netlink/link.h"
#include "postern/netns/census.h"

namespace postern::trace_cli {

class Directory {
 public:
  /// A namespace that is not in the census any more keeps its name: events of it may be under way.
  void learn(const netns::Census& census);
  void learn(uint64_t inode, std::span<const netlink::Link> links);

  /// Its devices: the number may be another namespace's by now.
  void forget(uint64_t inode) { devices_.erase(inode); }

  /// Fills in what the observer did not know.
  void name(journey::Event& event) const;
  /// Whether what `event` names by number is known here.
  bool knows_namespace(const journey::Event& event) const;
  bool knows_device(const journey::Event& event) const;

 private:
  struct Device {
    std::string name, kind;
  };
  std::map<uint64_t, std::string> namespaces_;
  std::map<uint64_t, std::map<int, Device>> devices_;
};

}  // namespace postern::trace_cli
