#include "likeness.h"

#include "postern/wire/bytes.h"
#include "postern/wire/tcp.h"

#include "transport.h"

namespace postern::journey {

namespace {

namespace tcp_flag = wire::tcp_flag;

class Hash {
 public:
  Hash& add(uint64_t value) {
    value_ = (value_ ^ value) * 0x9e3779b97f4a7c15U;
    value_ ^= value_ >> 29;
    return *this;
  }
  Hash& add(const IpAddress& address) {
    if (const auto* v4 = std::get_if<Ipv4>(&address)) return add(v4->bits);
    const auto& octets = std::get<Ipv6>(address).octets;
    for (size_t i = 0; i < octets.size(); i += 4) add(wire::load32(octets, i));
    return *this;
  }
  size_t value() const { return value_; }

 private:
  uint64_t value_ = 0x51ed270b;
};

IpAddress none_of_family(const IpAddress& address) {
  return std::holds_alternative<Ipv4>(address) ? IpAddress(Ipv4{}) : IpAddress(Ipv6{});
}

/// Nothing: not enough was captured to say.
std::optional<size_t> tcp_header_bytes(const Event& event) {
  const wire::Bytes bytes(event.captured);
  if (!event.packet || bytes.empty()) return std::nullopt;
  const size_t ip = event.packet->is_ipv4() ? (bytes[0] & 15) * size_t{4} : 40;
  if (bytes.size() < ip + 13) return std::nullopt;
  return ip + (bytes[ip + 12] >> 4) * size_t{4};
}

/// Without knowing more: with TCP's longest options.
bool is_longer_than_headers(const Packet& packet) { return packet.bytes > (packet.is_ipv4() ? 80U : 100U); }

bool has_payload(const Event& event) {
  const Packet& packet = *event.packet;
  if (packet.bytes == 0) return true;  // a superframe
  if (const auto header = tcp_header_bytes(event)) return packet.bytes > *header;
  return (packet.tcp_flags & tcp_flag::psh) != 0 || is_longer_than_headers(packet);
}

/// A superframe that is cut up, or put together, has the sequence number of its first piece. PSH and FIN are the last piece's,
/// CWR the first's. A FIN without bytes has no other pieces, and differs by it alone from an acknowledgment.
uint8_t flags_of_all_pieces(const Packet& packet) {
  uint8_t of_one = tcp_flag::psh | tcp_flag::cwr;
  if (packet.bytes == 0 || is_longer_than_headers(packet)) of_one |= tcp_flag::fin;
  return packet.tcp_flags & static_cast<uint8_t>(~of_one);
}

}  // namespace

Packet headers_of(const Packet& packet) {
  Packet headers = packet;
  headers.hop_limit = 0;
  headers.bytes = 0;
  headers.tcp_flags = flags_of_all_pieces(packet);
  return headers;
}

Packet invariants_of(const Packet& packet) {
  Packet invariants = headers_of(packet);
  invariants.source = none_of_family(packet.source);
  invariants.destination = none_of_family(packet.destination);
  invariants.source_port = invariants.destination_port = Port{};
  invariants.icmp_id = 0;
  return invariants;
}

bool is_particular(const Packet& packet) {
  if (packet.is_ipv4() && packet.ip_id != 0) return true;
  if (!packet.has_transport) return false;
  return packet.protocol == IPPROTO_TCP || is_echo(packet);
}

/// Where the identification or a sequence number says so, other lengths are fragments that were put together, or a superframe.
bool is_told_by_length(const Packet& packet) {
  const bool has_sequence = packet.protocol == IPPROTO_TCP && packet.has_transport;
  return !has_sequence && (!packet.is_ipv4() || packet.ip_id == 0);
}

bool is_same_length(const Packet& a, const Packet& b) { return a.bytes == b.bytes || a.bytes == 0 || b.bytes == 0; }

bool may_be_same(const Packet& earlier, const Packet& later) {
  if (invariants_of(earlier) != invariants_of(later)) return false;
  if (later.hop_limit > earlier.hop_limit) return false;
  return !is_told_by_length(earlier) || is_same_length(earlier, later);
}

size_t PacketHash::operator()(const Packet& packet) const {
  Hash hash;
  hash.add(packet.source).add(packet.destination).add(packet.protocol);
  hash.add(uint64_t{packet.source_port.number} << 16 | packet.destination_port.number);
  hash.add(uint64_t{packet.icmp_id} << 32 | uint64_t{packet.icmp_sequence} << 16 | packet.icmp_type);
  hash.add(uint64_t{packet.tcp_sequence} << 32 | packet.tcp_acknowledgment).add(packet.tcp_flags);
  return hash.add(uint64_t{packet.ip_id} << 16 | packet.fragment_offset).value();
}

size_t HostFlowHash::operator()(const HostFlow& flow) const {
  const uint64_t ports = uint64_t{flow.local_port.number} << 16 | flow.remote_port.number;
  return Hash().add(flow.remote).add(ports).add(flow.protocol).add(static_cast<uint64_t>(flow.way)).value();
}

HostFlow host_flow(const Packet& packet, HostFlow::Way way) {
  HostFlow flow;
  flow.way = way;
  flow.protocol = packet.protocol;
  const bool out = way == HostFlow::Way::out;
  flow.local_port = out ? packet.source_port : packet.destination_port;
  flow.remote = out ? packet.destination : packet.source;
  flow.remote_port = out ? packet.destination_port : packet.source_port;
  return flow;
}

HostFlow host_flow(const Mapping& mapping, uint8_t protocol, HostFlow::Way way) {
  HostFlow flow;
  flow.way = way;
  flow.protocol = protocol;
  flow.remote = mapping.remote.address;
  if (is_icmp(protocol)) return flow;
  flow.local_port = mapping.local.port;
  flow.remote_port = mapping.remote.port;
  return flow;
}

Matter matter_of(const Event& event) {
  const Packet& packet = *event.packet;
  if (packet.protocol != IPPROTO_TCP || !packet.has_transport) return Matter::datagram;
  if (packet.tcp_flags & tcp_flag::syn) return Matter::opening;
  if (packet.tcp_flags & tcp_flag::rst) return Matter::reset;
  if (has_payload(event)) return Matter::data;
  return packet.tcp_flags & tcp_flag::fin ? Matter::end : Matter::acknowledgment;
}

size_t ConversationHash::operator()(const Conversation& conversation) const {
  const uint64_t ports = uint64_t{conversation.source_port} << 16 | conversation.destination_port;
  return Hash().add(conversation.source).add(conversation.destination).add(ports).add(conversation.protocol).value();
}

std::optional<Conversation> said(const Packet& packet) {
  if (!packet.has_transport) return std::nullopt;
  if (is_icmp(packet.protocol)) {
    if (!is_echo_request(packet)) return std::nullopt;
    return Conversation{packet.protocol, packet.source, packet.destination, packet.icmp_id, packet.icmp_sequence};
  }
  return Conversation{packet.protocol, packet.source, packet.destination, packet.source_port.number,
                      packet.destination_port.number};
}

std::optional<Conversation> answered(const Packet& packet) {
  if (!packet.has_transport) return std::nullopt;
  if (is_icmp(packet.protocol)) {
    if (!is_echo_reply(packet)) return std::nullopt;
    return Conversation{packet.protocol, packet.destination, packet.source, packet.icmp_id, packet.icmp_sequence};
  }
  return Conversation{packet.protocol, packet.destination, packet.source, packet.destination_port.number,
                      packet.source_port.number};
}

}  // namespace postern::journey
