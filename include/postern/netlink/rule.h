// rule.h - which routing table a packet is looked up in: policy routing. ip-rule(8).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "postern/base/address.h"
#include "postern/base/result.h"
#include "postern/netlink/socket.h"

namespace postern::netlink {

/// A rule: a packet that is as all of what is given says meets `action`. The rule of the least priority is the first to be asked.
struct Rule {
  struct Network {
    IpAddress address;
    unsigned prefix_bits = 0;
  };
  struct Range {
    uint32_t first = 0, last = 0;
  };

  int family = 0;  // AF_INET or AF_INET6
  uint32_t priority = 0;
  uint8_t action = 0;        // linux/fib_rules.h: FR_ACT_TO_TBL, FR_ACT_GOTO, FR_ACT_BLACKHOLE, ...
  uint32_t table = 0;        // of FR_ACT_TO_TBL: RT_TABLE_MAIN, ...; 0 where it is the VRF's own
  uint32_t goto_target = 0;  // of FR_ACT_GOTO: a priority

  bool inverted = false;  // it is for the packets that are not so
  bool vrf = false;       // of a device that is a port of a VRF, and looked up in its table (l3mdev)
  std::optional<Network> source, destination;
  std::string in_link, out_link;  // by name, also where there is none of that name; empty: any
  uint32_t mark = 0, mark_mask = 0;
  uint8_t tos = 0;
  uint8_t ip_protocol = 0;
  std::optional<Range> source_ports, destination_ports;
  std::optional<Range> uids;                       // of whose socket it is
  std::optional<uint32_t> suppressed_prefix_bits;  // a route with a prefix of so many bits, or fewer, does not count
};

/// Of both families, by priority as the kernel asks them.
Result<std::vector<Rule>> rules(Socket& socket);

}  // namespace postern::netlink
