// name_service_state.h - what is asked of DNS at +3 and fd00::3, and what it tells of itself.
#pragma once

#include <vector>

#include "postern/dns/dns_relay.h"

namespace postern::relay {

struct NameSettings {
  std::vector<dns::NameServer> servers;  // none: those of the host's resolv.conf, as it changes
  std::vector<dns::HostName> names;      // answered here
};

struct NameServiceState {
  std::vector<dns::NameServer> servers;
  std::optional<dns::NameServer> answering;  // who answered last
  size_t pending = 0;                        // queries
  dns::DnsRelay::Counters counters;
};

}  // namespace postern::relay
