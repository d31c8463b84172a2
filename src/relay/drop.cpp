#include "postern/relay/drop.h"

#include <numeric>

namespace postern::relay {

std::string_view name(Drop reason) {
  switch (reason) {
    case Drop::malformed: return "malformed";
    case Drop::bad_checksum: return "bad_checksum";
    case Drop::unknown_ethertype: return "unknown_ethertype";
    case Drop::ipv6_off: return "ipv6_off";
    case Drop::martian_destination: return "martian_destination";
    case Drop::martian_source: return "martian_source";
    case Drop::source_route: return "source_route";
    case Drop::ipv6_extension: return "ipv6_extension";
    case Drop::ipv6_fragment: return "ipv6_fragment";
    case Drop::unsupported_protocol: return "unsupported_protocol";
    case Drop::router_message: return "router_message";
    case Drop::group_destination: return "group_destination";
    case Drop::host_alias: return "host_alias";
    case Drop::host_address: return "host_address";
    case Drop::hop_limit: return "hop_limit";
    case Drop::flow_limit: return "flow_limit";
    case Drop::fragment_overlap: return "fragment_overlap";
    case Drop::fragment_limit: return "fragment_limit";
    case Drop::fragment_timeout: return "fragment_timeout";
  }
  return "unknown";
}

uint64_t DropCounters::total() const { return std::accumulate(counts_.begin(), counts_.end(), uint64_t{0}); }

}  // namespace postern::relay
