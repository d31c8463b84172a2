// facts.h - packets as a filter sees them.
#pragma once

#include <arpa/inet.h>

#include <cstring>
#include <string>

#include "postern/packet_filter/program.h"

namespace postern::packet_filter::test {

/// Of either family, as the addresses are written. Ports belong to TCP, UDP and SCTP.
inline pf_facts facts(const std::string& source, const std::string& destination, uint8_t protocol, uint16_t source_port = 0,
                      uint16_t destination_port = 0) {
  pf_facts facts{};
  const bool v4 = source.find(':') == source.npos;
  facts.family = v4 ? 4 : 6;
  ::inet_pton(v4 ? AF_INET : AF_INET6, source.c_str(), facts.source);
  ::inet_pton(v4 ? AF_INET : AF_INET6, destination.c_str(), facts.destination);
  facts.protocol = protocol;
  facts.has_ports = protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
  facts.source_port = htons(facts.has_ports ? source_port : 0);
  facts.destination_port = htons(facts.has_ports ? destination_port : 0);
  return facts;
}

}  // namespace postern::packet_filter::test
