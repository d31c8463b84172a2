#include "fast_path.h"

#include <algorithm>

#include "postern/base/socket_address.h"
#include "postern/wire/checksum.h"
#include "postern/wire/icmp_error.h"
#include "postern/wire/path_mtu.h"
#include "postern/wire/tcp_frame.h"

namespace postern::relay {

namespace {

constexpr size_t kMostParts = 40;  // of one frame: headers and what is retained

flow::FlowKey key_of(const wire::IpPacket& ip, const wire::TcpSegment& tcp) {
  return {ip.source, tcp.source, ip.destination, tcp.destination};
}

wire::IcmpReason to_icmp_reason(flow::Refusal why) {
  switch (why) {
    case flow::Refusal::no_route: return wire::IcmpReason::no_route;
    case flow::Refusal::host: return wire::IcmpReason::address;
    case flow::Refusal::protocol: return wire::IcmpReason::protocol;
    case flow::Refusal::prohibited: return wire::IcmpReason::prohibited;
  }
  return wire::IcmpReason::no_route;
}

bool sums_up(const wire::IpPacket& ip, wire::Bytes covered) {
  const bool is_icmp4 = ip.protocol == wire::Protocol::icmp;  // the only one without the addresses
  const uint64_t pseudo = is_icmp4 ? 0 : wire::pseudo_header(ip.source, ip.destination, ip.protocol, covered.size());
  return wire::finish(wire::sum(covered, pseudo)) == 0;
}

bool is_checksum_right(const PacketView& packet) {
  const wire::IpPacket& ip = packet.ip;
  const auto* udp = packet.as<wire::UdpDatagram>();
  if (!udp) return sums_up(ip, ip.payload);
  const bool has_none = wire::load16(ip.payload, wire::UdpDatagram::kChecksum) == 0;
  if (has_none) return ip.is_v4();  // RFC 8200 8.1
  return sums_up(ip, ip.payload.first(wire::UdpDatagram::kHeaderBytes + udp->payload.size()));
}

}  // namespace

FastPath::FastPath(loop::EventLoop& loop, TapPort& tap, Config config)
    : loop_(loop),
      tap_(tap),
      config_(config.network),
      names_(loop, tap, config_, config.names),
      stack_flows_(config_.max_flows, config.hash_key),
      sockets_(loop, sockets_config()),
      engine_(
          {.mtu_bytes = config_.mtu_bytes, .max_flows = config_.max_flows, .max_embryonic = 1024, .hash_key = config.hash_key},
          *this, sockets_),
      datagrams_(loop, tap, datagram_config(config)) {}

DatagramPath::Config FastPath::datagram_config(const Config& config) {
  return {.network = config.network,
          .policy = config.datagrams,
          .hash_key = config.hash_key,
          .destination = [this](const IpAddress& remote, Port port) { return destination(remote, port); },
          .client_spoke = config.client_spoke};
}

flow::HostSocketsConfig FastPath::sockets_config() {
  using Destination = flow::HostSocketsConfig::Destination;
  return {.outbound4 = config_.outbound4,
          .outbound6 = config_.outbound6,
          .destination = [this](const IpAddress& remote, Port port) -> std::optional<Destination> {
            if (names_.serves(remote, port)) return names_.nameserver();
            const auto end = destination(remote, port);
            if (!end) return std::nullopt;
            return Destination{.address = end->address, .port = end->port, .scope = end->scope};
          },
          .connected = [this](const Destination& which) { names_.connected(which); },
          .ready = [this](uint32_t token, flow::TcpEngine::Readiness ready) { engine_.host_ready(token, ready, loop_.now()); }};
}

/// The filter has decided already whether the aliases are open.
std::optional<flow::HostEndpoint> FastPath::destination(const IpAddress& remote, Port port) {
  const stack::AddressPlan& plan = config_.addresses;
  const bool v4 = std::holds_alternative<Ipv4>(remote);
  const auto is = [&](Ipv4 four, const Ipv6& six) { return remote == (v4 ? IpAddress(four) : IpAddress(six)); };
  if (is(plan.gateway(), plan.gateway6())) {
    const IpAddress loopback = v4 ? IpAddress(Ipv4::of(127, 0, 0, 1)) : IpAddress(Ipv6::from_wire(in6addr_loopback));
    return flow::HostEndpoint{loopback, port};
  }
  return flow::HostEndpoint{remote, port};
}

FastPath::Taker FastPath::take(const PacketView& packet, const Framing& framing, TimePoint now) {
  if (const auto* tcp = packet.as<wire::TcpSegment>()) return take_tcp(packet, *tcp, framing.checksum, now);
  if (DatagramPath::carries(packet)) return take_datagram(packet, framing, now);
  note_from_router(packet.ip, now);
  return framing.datagram_bytes == 0 ? Taker::stack : Taker::malformed;  // nobody speaks DHCP in superframes
}

FastPath::Taker FastPath::take_datagram(const PacketView& packet, const Framing& framing, TimePoint now) {
  if (framing.checksum == Checksum::unknown && !is_checksum_right(packet)) return Taker::bad_checksum;
  const auto* udp = packet.as<wire::UdpDatagram>();
  const bool may_be_query = packet.place == Place::dns && udp && framing.datagram_bytes == 0;
  if (may_be_query && names_.take(packet, *udp, now)) return Taker::engine;
  return datagrams_.take(packet, framing.datagram_bytes, now) ? Taker::engine : Taker::malformed;
}

FastPath::Taker FastPath::take_tcp(const PacketView& packet, const wire::TcpSegment& tcp, Checksum checksum, TimePoint now) {
  const flow::FlowKey key = key_of(packet.ip, tcp);
  if (stack_flows_.size() != 0 && stack_flows_.note_from_guest(key, tcp, now)) return Taker::stack;
  if (checksum == Checksum::unknown && !is_checksum_right(packet)) return Taker::bad_checksum;
  engine_.input({key, packet.frame.source, packet.frame.destination, tcp}, now);
  return Taker::engine;
}

/// A router inside may say that our segments are too large for its next link.
void FastPath::note_from_router(const wire::IpPacket& ip, TimePoint now) {
  const auto told = wire::PathMtu::parse(ip);
  if (!told) return;
  engine_.path_mtu({told->destination, told->destination_port, told->source, told->source_port}, told->sequence, told->mtu_bytes,
                   now);
}

void FastPath::note_from_stack(wire::Bytes frame, TimePoint now) {
  const auto ethernet = wire::EthernetFrame::parse(frame);
  const auto ip = ethernet ? wire::IpPacket::parse(ethernet->payload) : std::nullopt;
  if (!ip || ip->protocol != wire::Protocol::tcp || ip->fragment) return;
  const auto tcp = wire::TcpSegment::parse(ip->payload);
  if (tcp) stack_flows_.note_to_guest({ip->destination, tcp->destination, ip->source, tcp->source}, *tcp, now);
}

void FastPath::make_room_beside(size_t flows) {
  flow::DatagramEngine& datagrams = datagrams_.engine();
  if (open_flows() + flows >= config_.max_flows) datagrams.give_way();
  engine_.leave_room_for(flows + datagrams.open_flows() + names_.open_sockets());
}

void FastPath::end_burst(TimePoint now) {
  engine_.end_burst(now);
  datagrams_.engine().end_burst(now);
}

void FastPath::run(TimePoint now) {
  datagrams_.engine().leave_room_for(engine_.open_flows() + names_.open_sockets());
  engine_.run(now);
  datagrams_.engine().run(now);
  names_.run(now);
}

std::optional<TimePoint> FastPath::next_deadline() const {
  std::optional<TimePoint> first;
  for (const auto deadline : {engine_.next_deadline(), datagrams_.engine().next_deadline(), names_.next_deadline()}) {
    if (deadline) first = std::min(first.value_or(*deadline), *deadline);
  }
  return first;
}

bool FastPath::owes_host() const {
  bool owes = false;
  engine_.for_each_flow(
      [&](const flow::TcpEngine::Flow& flow) { owes |= flow.bytes_to_host != 0 || (flow.guest_may_send && tap_.is_open()); });
  return owes;
}

void FastPath::list(stack::Flows& found, size_t most) const {
  engine_.for_each_flow([&](const flow::TcpEngine::Flow& each) {
    ++found.total;
    if (found.flows.size() >= most) return;
    SocketAddress own;
    const bool is_named = ::getsockname(each.socket, own.get(), own.room()) == 0;
    const auto address = is_named ? own.address() : std::nullopt;
    stack::Flow flow;
    flow.state = each.state;
    flow.guest_address = each.key.guest;
    flow.guest_port = each.key.guest_port;
    flow.remote = stack::Endpoint{each.key.remote, each.key.remote_port};
    if (address) flow.host = stack::Endpoint{*address, own.port()};
    flow.bytes_to_guest = each.bytes_to_guest;
    flow.bytes_to_remote = each.bytes_to_host;
    found.flows.push_back(std::move(flow));
  });
  names_.list(found, most, loop_.now());
  datagrams_.list(found, most);
}

void FastPath::transmit(const wire::TcpFrame& frame, std::span<const iovec> payload, size_t segment_bytes) {
  if (tap_.framing() == netns::TapFraming::bare) return transmit_in_segments(frame, payload, segment_bytes);
  ++frames_to_guest_;
  size_t bytes = 0;
  for (const iovec& piece : payload) bytes += piece.iov_len;
  std::array<uint8_t, wire::kMaxTcpFrameHeaders> headers;
  std::array<iovec, kMostParts> parts;
  parts[0] = {headers.data(), wire::store_tcp_headers(headers, frame, bytes, segment_bytes)};
  std::ranges::copy(payload, parts.begin() + 1);
  tap_.write(std::span(parts).first(payload.size() + 1));
}

/// Without a vnet header there are no superframes, and every checksum is ours to make.
void FastPath::transmit_in_segments(wire::TcpFrame frame, std::span<const iovec> payload, size_t segment_bytes) {
  const uint8_t last_flags = frame.flags;
  std::array<uint8_t, wire::kMaxTcpFrameHeaders> headers;
  if (!segment_) segment_ = std::make_unique_for_overwrite<uint8_t[]>(wire::IpPacket::kMaxBytes);
  size_t piece = 0, offset = 0;
  do {
    size_t bytes = 0;
    while (piece < payload.size() && bytes < segment_bytes) {
      const size_t some = std::min(segment_bytes - bytes, payload[piece].iov_len - offset);
      std::copy_n(static_cast<const uint8_t*>(payload[piece].iov_base) + offset, some, segment_.get() + bytes);
      bytes += some;
      offset += some;
      if (offset < payload[piece].iov_len) break;
      ++piece;
      offset = 0;
    }
    const bool last = piece == payload.size();
    frame.flags = last ? last_flags : static_cast<uint8_t>(last_flags & ~(wire::tcp_flag::fin | wire::tcp_flag::psh));
    const wire::Bytes data(segment_.get(), bytes);
    const std::array<iovec, 2> parts = {iovec{headers.data(), wire::store_tcp_headers_complete(headers, frame, data)},
                                        iovec{segment_.get(), bytes}};
    tap_.write(std::span(parts).first(bytes == 0 ? 1 : 2));
    ++frames_to_guest_;
    frame.sequence += static_cast<uint32_t>(bytes);
    ++frame.ip_id;
  } while (piece < payload.size());
}

/// The SYN itself is long gone; what an ICMP error quotes of it is made again: addresses, ports, its number.
void FastPath::refuse(const Attempt& attempt, flow::Refusal why) {
  const stack::AddressPlan& plan = config_.addresses;
  const IpAddress router = attempt.key.is_v4() ? IpAddress(plan.gateway()) : IpAddress(plan.gateway6());
  const wire::TcpFrame syn{.destination_mac = attempt.gateway_mac,
                           .source_mac = attempt.guest_mac,
                           .source = attempt.key.guest,
                           .destination = attempt.key.remote,
                           .source_port = attempt.key.guest_port,
                           .destination_port = attempt.key.remote_port,
                           .sequence = attempt.sequence,
                           .flags = wire::tcp_flag::syn};
  std::array<uint8_t, wire::kMaxTcpFrameHeaders> offending;
  const size_t bytes = wire::store_tcp_headers_complete(offending, syn, {});
  std::array<uint8_t, wire::VnetHeader::kBytes + wire::kMaxIcmpErrorFrame> room{};
  const wire::MutableBytes reply = wire::MutableBytes(room).subspan(wire::VnetHeader::kBytes);
  const auto error = wire::build_icmp_error(to_icmp_reason(why), wire::Bytes(offending).first(bytes), router, reply);
  if (!error) return;
  const bool vnet = tap_.framing() == netns::TapFraming::vnet;
  const iovec whole{room.data() + (vnet ? 0 : wire::VnetHeader::kBytes), error->size() + (vnet ? wire::VnetHeader::kBytes : 0)};
  tap_.write({&whole, 1});
  ++frames_to_guest_;
}

}  // namespace postern::relay
