// filter_hooks.h - our programs on the packet filter's hooks, in one network namespace or many. The order on a hook is that of
// the priorities (linux/netfilter_ipv4.h), and a program of ours stands right before or behind what it watches:
//
//   PRE_ROUTING    -399 prerouting  [-300 raw, -200 connection tracking, -150 mangle, -100 DNAT]  301 after_dnat
//   LOCAL_IN                        [-150 mangle, 0 filter, 100 SNAT]                             301 input: nobody has dropped
//   it FORWARD                         [-150 mangle, 0 filter]                                       301 forward LOCAL_OUT -399
//   output      [-300 raw, -200 connection tracking, -100 DNAT, 0 filter] POST_ROUTING   [-150 mangle]  99 postrouting  [100
//   SNAT]                                      301 after_snat
//
// `output` comes first: it shows what the program sent, and translation of its destination is seen at `postrouting`.
// Only one eBPF program may have a priority; the next tracer takes the next odd one that still lies where it must.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

#include "record.h"

namespace postern::probes {

class FilterHooks {
 public:
  /// Descriptors of the programs for the hooks by probe_point; -1 where there is none. They stay the caller's.
  using Programs = std::array<int, PROBE_POINTS>;
  explicit FilterHooks(const Programs& programs) : programs_(programs) {}

  /// In the namespace `network` from now on, IPv4 and IPv6; at once where it is watched already.
  Status add(int network);
  void remove(uint64_t inode) { links_.erase(inode); }

 private:
  Result<std::vector<UniqueFd>> attach_here() const;
  Programs programs_;
  std::map<uint64_t, std::vector<UniqueFd>> links_;  // by the namespace's inode
};

}  // namespace postern::probes
