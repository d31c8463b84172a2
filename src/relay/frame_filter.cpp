// frame_filter.cpp - the rules, in the order in which a frame meets them:
//
//   1 it can be read            malformed, bad_checksum, unknown_ethertype, ipv6_off
//   2 it names real hosts       martian_destination, martian_source, source_route
//   3 an engine can take it     fragments put together; ipv6_extension, ipv6_fragment, unsupported_protocol, router_message
//   4 its destination is open   group_destination; host_alias, host_address, hop_limit (the only ones that are answered)
//   5 there is room for a flow  flow_limit
//
// From 2 on the rules speak of IpAddress and Place, never of a family.
#include "postern/relay/frame_filter.h"

#include <tl/expected.hpp>

#include <algorithm>
#include <variant>

#include "postern/base/assert.h"
#include "postern/wire/address_class.h"
#include "postern/wire/arp.h"
#include "postern/wire/icmp_error.h"

#include "fragment_set.h"
#include "recent_ports.h"

namespace postern::relay {

namespace {

using wire::ArpPacket;
using wire::EthernetFrame;
using wire::EtherType;
using wire::IcmpKind;
using wire::IcmpMessage;
using wire::IpPacket;
using wire::MutableBytes;
using wire::Protocol;
using wire::TcpSegment;
using wire::UdpDatagram;

using Transport = PacketView::Transport;

constexpr Port kDnsPort{53};
constexpr uint8_t kLastHop = 1;  // a router forwards nothing with that, RFC 1812 5.3.1; traceroute counts on it
constexpr std::chrono::seconds kUdpSocketLifetime{240}, kDnsSocketLifetime{10};  // SO_EXPIRE, SO_EXPIREFAST of libslirp

Place place_of(const Ipv4& destination, const stack::AddressPlan& plan) {
  if (destination == plan.gateway()) return Place::gateway;
  if (destination == plan.dns()) return Place::dns;
  return destination == plan.network.broadcast() ? Place::group : Place::remote;
}

Place place_of(const Ipv6& destination, const stack::AddressPlan& plan) {
  if (destination == plan.gateway6()) return Place::gateway;
  if (destination == plan.dns6()) return Place::dns;
  return plan.contains(destination) || wire::is_link_local(destination) ? Place::alias : Place::remote;
}

Place place_of(const IpAddress& destination, const stack::AddressPlan& plan) {
  if (wire::is_group(destination)) return Place::group;
  return std::visit([&](const auto& address) { return place_of(address, plan); }, destination);
}

/// RFC 3927; cloud metadata services live there. fe80::/10 is an alias for libslirp already.
bool is_link_local4(const IpAddress& address) {
  const auto* ipv4 = std::get_if<Ipv4>(&address);
  return ipv4 && Cidr4::make(Ipv4::of(169, 254, 0, 0), 16)->contains(*ipv4);
}

template <class T>
tl::expected<Transport, Drop> parsed(const std::optional<T>& transport) {
  if (!transport) return tl::unexpected(Drop::malformed);
  return Transport(*transport);
}

tl::expected<Transport, Drop> parse_transport(const IpPacket& ip) {
  const Protocol own_icmp = ip.is_v4() ? Protocol::icmp : Protocol::icmpv6;
  if (ip.protocol == Protocol::tcp) return parsed(TcpSegment::parse(ip.payload));
  if (ip.protocol == Protocol::udp) return parsed(UdpDatagram::parse(ip.payload));
  if (ip.protocol == own_icmp) return parsed(IcmpMessage::parse(ip));
  return tl::unexpected(Drop::unsupported_protocol);
}

/// From a client to a server of either family: RFC 2131 4.1, RFC 8415 7.2. libslirp answers itself, without a socket.
bool is_dhcp(const PacketView& packet) {
  constexpr Ipv4 kBroadcast{0xffff'ffff};
  constexpr Ipv6 kAllServers{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2}};  // ff02::1:2
  const auto* udp = packet.as<UdpDatagram>();
  if (!udp) return false;
  const IpAddress& server = packet.ip.destination;
  if (udp->source == Port{546} && udp->destination == Port{547}) return server == IpAddress(kAllServers);
  const bool to_server = server == IpAddress(kBroadcast) || (packet.ip.is_v4() && packet.place == Place::gateway);
  return udp->source == Port{68} && udp->destination == Port{67} && to_server;
}

/// Who has no address yet may ask for one, look for a router, and see whether an address is taken: RFC 2131 4.1, RFC 4861 4.
bool may_lack_a_source(const PacketView& packet) {
  constexpr uint8_t kNeighbourAdvertisement = 136;
  if (packet.ip.is_v4()) return is_dhcp(packet) && packet.place == Place::group;
  const auto* icmp = packet.as<IcmpMessage>();
  if (!icmp) return false;
  return icmp->kind == IcmpKind::listener || (icmp->kind == IcmpKind::neighbour && icmp->type != kNeighbourAdvertisement);
}

bool is_answered(Drop objection) {
  return objection == Drop::host_alias || objection == Drop::host_address || objection == Drop::hop_limit;
}

bool is_impossible_source(const IpAddress& source) { return wire::is_martian(source) || wire::is_group(source); }

/// DHCP and neighbour discovery live on group addresses. libslirp would carry the rest to the host's loopback (255.255.255.255,
/// ff02::1) or out of one of its links.
bool serves_group(const PacketView& packet) {
  if (const auto* icmp = packet.as<IcmpMessage>()) {
    return icmp->kind == IcmpKind::neighbour || icmp->kind == IcmpKind::listener;
  }
  return is_dhcp(packet);
}

/// A UDP socket is told at once only of what cannot pass by; with IP_RECVERR of everything, udp(7).
wire::IcmpReason to_icmp_reason(Drop reason, Protocol protocol) {
  if (reason == Drop::hop_limit) return wire::IcmpReason::hop_limit;
  return protocol == Protocol::udp ? wire::IcmpReason::prohibited : wire::IcmpReason::no_route;
}

}  // namespace

class FrameFilter::Rules {
 public:
  explicit Rules(const FilterConfig& config) : config_(config), ports_with_socket_(config.hash_key) {}

  Verdict decide(MutableBytes frame, const Moment& moment);
  void expire(TimePoint now) { fragments_.expire(now); }
  PortSet& published_udp() {
    if (!clients_) clients_.emplace(config_.hash_key);
    return published_udp_;
  }
  void note_to_guest(wire::Bytes frame, TimePoint now);
  void expect_answer(const IpAddress& client, Port client_port, Port published, TimePoint now);
  void isolate_host(std::vector<IpAddress> addresses) {
    std::sort(addresses.begin(), addresses.end());
    host_addresses_ = std::move(addresses);
  }
  const DropCounters& drops() const { return drops_; }
  void count(Drop reason) { drops_.count(reason); }

 private:
  Verdict decide_ip(MutableBytes frame, const EthernetFrame& ethernet, const Moment& moment);
  Verdict decide_fragment(const EthernetFrame& ethernet, const IpPacket& ip, const Moment& moment);

  Place place_of(const IpAddress& destination) const;
  std::optional<Drop> objection_to(const PacketView& packet) const;
  bool answers_client(const PacketView& packet) const;
  bool only_answers(const PacketView& packet) const;
  bool opens_host(const PacketView& packet) const;
  bool opens_alias(const PacketView& packet) const;
  bool reaches_host(const TcpSegment& tcp) const;
  bool exceeds_flow_limit(const PacketView& packet, const Moment& moment);

  Verdict pass(MutableBytes frame) const { return {.action = Verdict::Action::pass, .frame = frame}; }
  Verdict drop(Drop reason);
  Verdict refuse(Drop reason, MutableBytes frame, const IpPacket& ip);

  FilterConfig config_;
  std::optional<std::vector<IpAddress>> host_addresses_;  // sorted; nothing: the host is like any other
  PortSet published_udp_;
  DropCounters drops_;
  FragmentSet fragments_{drops_};
  RecentPorts ports_with_socket_;
  std::optional<RecentPorts>
      clients_;  // of published UDP ports, on the host; until one is published, no frame is read for its client
  TimePoint now_;
  std::optional<PacketView> packet_;  // the last one
  std::array<uint8_t, wire::kMaxIcmpErrorFrame> reply_{};
};

Verdict FrameFilter::Rules::decide(MutableBytes frame, const Moment& moment) {
  now_ = moment.now;
  const auto ethernet = EthernetFrame::parse(frame);
  if (!ethernet) return drop(Drop::malformed);
  switch (ethernet->type) {
    case EtherType::arp:
      if (!ArpPacket::parse(ethernet->payload)) return drop(Drop::malformed);
      return pass(frame.first(EthernetFrame::kHeaderBytes + ArpPacket::kBytes));
    case EtherType::ipv6:
      if (!config_.ipv6) return drop(Drop::ipv6_off);
      return decide_ip(frame, *ethernet, moment);
    case EtherType::ipv4: return decide_ip(frame, *ethernet, moment);
  }
  return drop(Drop::unknown_ethertype);
}

Verdict FrameFilter::Rules::decide_ip(MutableBytes frame, const EthernetFrame& ethernet, const Moment& moment) {
  const auto ip = IpPacket::parse(ethernet.payload);
  if (!ip || ip->is_v4() != (ethernet.type == EtherType::ipv4)) return drop(Drop::malformed);
  if (!ip->header_checksum_ok()) return drop(Drop::bad_checksum);
  if (wire::is_martian(ip->destination)) return drop(Drop::martian_destination);
  if (ip->source_route) return drop(Drop::source_route);
  if (ip->fragment) return decide_fragment(ethernet, *ip, moment);

  const auto transport = parse_transport(*ip);
  if (!transport) return drop(transport.error());
  PacketView& packet = packet_.emplace(PacketView{ethernet, *ip, *transport, place_of(ip->destination)});
  if (const auto objection = objection_to(packet)) {
    return is_answered(*objection) ? refuse(*objection, frame, *ip) : drop(*objection);
  }
  if (exceeds_flow_limit(packet, moment)) return drop(Drop::flow_limit);

  packet.only_answers = only_answers(packet);
  const auto* tcp = packet.as<TcpSegment>();
  if (tcp && tcp->has(wire::tcp_flag::urg)) {  // libslirp before 4.9.2 leaks its heap over urgent data, CVE-2026-9539
    wire::clear_urgent(frame.subspan(EthernetFrame::kHeaderBytes + ip->header.size(), ip->payload.size()));
  }
  Verdict passed = pass(frame.first(EthernetFrame::kHeaderBytes + ip->whole().size()));  // libslirp 4.7 takes padding for data
  passed.packet = &packet;
  return passed;
}

/// A fragment never passes raw. What it completes is a frame like any other.
Verdict FrameFilter::Rules::decide_fragment(const EthernetFrame& ethernet, const IpPacket& ip, const Moment& moment) {
  const bool has_only_this = ip.header.size() == IpPacket::kHeaderBytes6 + IpPacket::kFragmentHeaderBytes6;
  if (!ip.is_v4() && (config_.serves == Engine::libslirp || !has_only_this)) return drop(Drop::ipv6_fragment);
  if (is_impossible_source(ip.source)) return drop(Drop::martian_source);
  const auto whole = fragments_.add(ethernet, ip, moment.now);
  if (!whole) return drop(whole.error());
  return whole->empty() ? Verdict{.action = Verdict::Action::absorbed, .frame = {}} : decide(*whole, moment);
}

Place FrameFilter::Rules::place_of(const IpAddress& destination) const {
  const Place place = relay::place_of(destination, config_.addresses);
  if (place != Place::remote || !host_addresses_) return place;
  const bool host =
      is_link_local4(destination) || std::binary_search(host_addresses_->begin(), host_addresses_->end(), destination);
  return host ? Place::host : place;
}

std::optional<Drop> FrameFilter::Rules::objection_to(const PacketView& packet) const {
  const IpAddress& source = packet.ip.source;
  const bool sourceless = wire::is_unspecified(source) && may_lack_a_source(packet);
  if (is_impossible_source(source) && !sourceless) return Drop::martian_source;
  if (packet.ip.extension_headers) return Drop::ipv6_extension;
  const auto* icmp = packet.as<IcmpMessage>();
  if (icmp && icmp->kind == IcmpKind::router) return Drop::router_message;
  switch (packet.place) {
    case Place::remote: return packet.ip.hop_limit <= kLastHop ? std::optional(Drop::hop_limit) : std::nullopt;
    case Place::dns:
      if (config_.dns == stack::Dns::ordinary && packet.ip.is_v4()) return std::nullopt;  // an address like any other
      [[fallthrough]];
    case Place::gateway:
    case Place::alias: return opens_alias(packet) ? std::nullopt : std::optional(Drop::host_alias);
    case Place::host: return opens_host(packet) ? std::nullopt : std::optional(Drop::host_address);
    case Place::group: return serves_group(packet) ? std::nullopt : std::optional(Drop::group_destination);
  }
  POSTERN_ASSERT(false);
}

void FrameFilter::Rules::note_to_guest(wire::Bytes frame, TimePoint now) {
  if (!clients_) return;
  const auto ethernet = EthernetFrame::parse(frame);
  const auto ip = ethernet ? IpPacket::parse(ethernet->payload) : std::nullopt;
  const bool has_ports = ip && ip->protocol == Protocol::udp && !(ip->fragment && ip->fragment->offset_bytes != 0);
  if (!has_ports || ip->payload.size() < UdpDatagram::kHeaderBytes) return;
  expect_answer(ip->source, Port{wire::load16(ip->payload, 0)}, Port{wire::load16(ip->payload, 2)}, now);
}

void FrameFilter::Rules::expect_answer(const IpAddress& client, Port client_port, Port published, TimePoint now) {
  const Place place = place_of(client);
  if (!clients_ || !published_udp_[published.number] || (place != Place::gateway && place != Place::host)) return;
  clients_->remember(clients_->key(client, client_port, published), now + kUdpSocketLifetime);
}

/// Whoever may choose its source port could otherwise speak to every UDP port of the host.
bool FrameFilter::Rules::answers_client(const PacketView& packet) const {
  const auto* udp = packet.as<UdpDatagram>();
  if (!udp || !published_udp_[udp->source.number]) return false;
  return clients_ && clients_->contains(clients_->key(packet.ip.destination, udp->destination, udp->source), now_);
}

/// Of a datagram that passed. The engine's memory of clients may be shorter than this one, and then it leads nowhere.
bool FrameFilter::Rules::only_answers(const PacketView& packet) const {
  const bool gateway_is_closed = packet.place == Place::gateway && config_.host_loopback != stack::HostLoopback::gateway;
  return packet.as<UdpDatagram>() && (packet.place == Place::host || gateway_is_closed);
}

/// What belongs to a connection that came in over a published port goes back to a client on the host.
bool FrameFilter::Rules::opens_host(const PacketView& packet) const {
  if (const auto* tcp = packet.as<TcpSegment>()) return !tcp->is_initial_syn();
  return answers_client(packet);
}

bool FrameFilter::Rules::reaches_host(const TcpSegment& tcp) const {
  return std::any_of(config_.reach.begin(), config_.reach.end(),
                     [&](const stack::Reach& reach) { return reach.guest_port == tcp.destination; });
}

/// Only what would open a flow is refused. Echo is answered by libslirp itself; a segment of a connection that came in over a
/// published port must pass, for its client is shown as the gateway if it is local to the host.
bool FrameFilter::Rules::opens_alias(const PacketView& packet) const {
  const bool to_gateway = packet.place == Place::gateway,
             to_dns = packet.place == Place::dns && config_.dns == stack::Dns::redirected;
  if (to_gateway && config_.host_loopback == stack::HostLoopback::gateway) return true;
  if (const auto* tcp = packet.as<TcpSegment>()) {
    return !tcp->is_initial_syn() || (to_dns && tcp->destination == kDnsPort) || (to_gateway && reaches_host(*tcp));
  }
  if (const auto* udp = packet.as<UdpDatagram>()) {
    return (to_gateway && answers_client(packet)) || is_dhcp(packet) || (to_dns && udp->destination == kDnsPort);
  }
  return true;
}

/// libslirp has no limit of its own. When every flow is taken, a SYN is dropped, for the guest sends it again; an echo request is
/// dropped, for libslirp opens a socket for each; a datagram passes if libslirp has a socket for its port by now.
bool FrameFilter::Rules::exceeds_flow_limit(const PacketView& packet, const Moment& moment) {
  if (config_.serves == Engine::fast) return false;
  const bool full = moment.open_flows >= config_.max_flows;
  if (const auto* tcp = packet.as<TcpSegment>()) return full && tcp->is_initial_syn();
  const auto* udp = packet.as<UdpDatagram>();
  if (!udp) return full && packet.place == Place::remote && packet.as<IcmpMessage>()->kind == IcmpKind::echo_request;
  if (is_dhcp(packet) || published_udp_[udp->source.number]) return false;

  const uint64_t key = ports_with_socket_.key(packet.ip.source, udp->source);
  if (full && !ports_with_socket_.contains(key, moment.now)) return true;
  ports_with_socket_.remember(key, moment.now + (udp->destination == kDnsPort ? kDnsSocketLifetime : kUdpSocketLifetime));
  return false;
}

Verdict FrameFilter::Rules::drop(Drop reason) {
  drops_.count(reason);
  return {.action = Verdict::Action::drop, .drop = reason, .frame = {}};
}

Verdict FrameFilter::Rules::refuse(Drop reason, MutableBytes frame, const IpPacket& ip) {
  const stack::AddressPlan& plan = config_.addresses;
  const IpAddress router = plan.gateway(ip.source);
  const auto reply = wire::build_icmp_error(to_icmp_reason(reason, ip.protocol), frame, router, reply_);
  if (!reply) return drop(reason);
  drops_.count(reason);
  return {.action = Verdict::Action::refuse, .drop = reason, .frame = *reply};
}

FrameFilter::FrameFilter(const FilterConfig& config) : rules_(std::make_unique<Rules>(config)) {}
FrameFilter::FrameFilter(FrameFilter&&) noexcept = default;
FrameFilter::~FrameFilter() = default;

Verdict FrameFilter::decide(MutableBytes frame, const Moment& moment) { return rules_->decide(frame, moment); }
void FrameFilter::expire(TimePoint now) { rules_->expire(now); }
void FrameFilter::isolate_host(std::vector<IpAddress> addresses) { rules_->isolate_host(std::move(addresses)); }
void FrameFilter::note_to_guest(wire::Bytes frame, TimePoint now) { rules_->note_to_guest(frame, now); }
void FrameFilter::expect_answer(const IpAddress& client, Port client_port, Port published, TimePoint now) {
  rules_->expect_answer(client, client_port, published, now);
}
PortSet& FrameFilter::published_udp() { return rules_->published_udp(); }
const DropCounters& FrameFilter::drops() const { return rules_->drops(); }
void FrameFilter::count(Drop reason) { rules_->count(reason); }

}  // namespace postern::relay
