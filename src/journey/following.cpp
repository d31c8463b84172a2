#include "postern/journey/following.h"

#include <netinet/in.h>

#include <algorithm>

namespace postern::journey {
namespace {

/// A program that names protocols cannot match a packet of another.
bool may_match(const pf_program& program, uint8_t protocol) {
  const auto* end = program.protocol + std::min<size_t>(program.protocols, PF_MAX_PROTOCOLS);
  return program.protocols == 0 || std::find(program.protocol, end, protocol) != end;
}

}  // namespace

/// Nothing: an ICMP error, which is of a connection that it quotes; a fragment without ports.
std::optional<Following::Connection> Following::connection_of(const Packet& packet) {
  Side source{packet.source, packet.source_port.number}, destination{packet.destination, packet.destination_port.number};
  switch (packet.protocol) {
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      if (!is_echo(packet)) return std::nullopt;
      source.port = destination.port = packet.icmp_id;
      break;
    case IPPROTO_TCP:
    case IPPROTO_UDP:
    case IPPROTO_SCTP:
      if (!packet.has_transport) return std::nullopt;
  }
  if (destination < source) std::swap(source, destination);
  return Connection{source, destination, packet.protocol};
}

bool Following::takes(const Packet& packet) {
  if (!may_match(filter_.program(), packet.protocol)) return false;
  const bool wanted = filter_.matches(facts_of(packet));
  if (extent_ == Extent::packet) return wanted;
  const auto connection = connection_of(packet);
  if (!connection) return wanted;
  if (wanted) remember(*connection);
  return wanted || remembers(*connection);
}

void Following::learn(const Packet& packet) {
  if (extent_ == Extent::packet) return;
  if (const auto connection = connection_of(packet)) remember(*connection);
}

bool Following::remembers(const Connection& connection) {
  const auto found = known_.find(connection);
  if (found == known_.end()) return false;
  ages_.splice(ages_.begin(), ages_, found->second);
  return true;
}

void Following::remember(const Connection& connection) {
  if (remembers(connection)) return;
  if (known_.size() >= kConnections) {
    known_.erase(ages_.back());
    ages_.pop_back();
  }
  ages_.push_front(connection);
  known_.emplace(connection, ages_.begin());
}

}  // namespace postern::journey
