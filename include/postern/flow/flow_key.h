// flow_key.h - what tells one flow from another, as the namespace sees it; and its hash.
//
// Both ends are chosen by strangers: the namespace picks remotes and ports, a client of a published port picks its own. So the
// hash is keyed by a secret of the process, and nobody outside can make keys that fall on one another.
#pragma once

#include <array>
#include <cstdint>

#include "postern/base/address.h"

namespace postern::flow {

struct FlowKey {
  IpAddress guest;
  Port guest_port;
  IpAddress remote;
  Port remote_port;

  bool is_v4() const { return std::holds_alternative<Ipv4>(guest); }
  bool operator==(const FlowKey&) const = default;
};

uint64_t hash(const FlowKey& key, const std::array<uint64_t, 2>& secret);

}  // namespace postern::flow
