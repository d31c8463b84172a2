#include "fast_path.h"

#include <algorithm>

#include "postern/base/socket_address.h"
#include "postern/wire/arp.h"
#include "postern/wire/checksum.h"
#include "postern/wire/icmp_error.h"
#include "postern/wire/neighbour_request.h"
#include "postern/wire/path_mtu.h"
#include "postern/wire/tcp_frame.h"
#include "postern/wire/unreachable.h"

#include "client_view.h"
#include "host_socket.h"

namespace postern::relay {

namespace {

constexpr size_t kMostParts = 40;      // of one frame: headers and what is retained
constexpr size_t kMostSegments = 128;  // UDP_MAX_SEGMENTS of Linux since 6.9; a program inside may claim any number
constexpr int kMostPortsTried = 16;
constexpr uint16_t kFirstSparePort = 1024;

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

FastPath::FastPath(loop::EventLoop& loop, TapPort& tap, const Config& config)
    : loop_(loop),
      tap_(tap),
      config_(config.network),
      names_(loop, tap, config_, config.names),
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
          .mac_of = [this](const IpAddress& guest) { return mac_of(guest); },
          .client_spoke = config.client_spoke};
}

flow::HostSocketsConfig FastPath::sockets_config() {
  using Destination = flow::HostSocketsConfig::Destination;
  return {.outbound4 = config_.outbound4,
          .outbound6 = config_.outbound6,
          .destination = [this](const IpAddress& remote, Port port) -> std::optional<Destination> {
            if (names_.serves(remote, port)) return names_.nameserver();
            const auto end = destination(remote, reached(remote, port));
            if (!end) return std::nullopt;
            return Destination{.address = end->address, .port = end->port, .scope = end->scope};
          },
          .connected = [this](const Destination& which) { names_.connected(which); },
          .ready = [this](uint32_t token, flow::TcpEngine::Readiness ready) { engine_.host_ready(token, ready, loop_.now()); }};
}

/// Of the gateway's ports some stand for others of the host.
Port FastPath::reached(const IpAddress& remote, Port port) const {
  if (remote != config_.addresses.gateway(remote)) return port;
  const auto reach = std::find_if(config_.reach.begin(), config_.reach.end(),
                                  [port](const stack::Reach& each) { return each.guest_port == port; });
  return reach != config_.reach.end() ? reach->host_port : port;
}

/// What the filter lets through to the gateway is for the host's loopback.
std::optional<flow::HostEndpoint> FastPath::destination(const IpAddress& remote, Port port) const {
  if (remote != config_.addresses.gateway(remote)) return flow::HostEndpoint{remote, port};
  const bool v4 = std::holds_alternative<Ipv4>(remote);
  return flow::HostEndpoint{v4 ? IpAddress(Ipv4::of(127, 0, 0, 1)) : IpAddress(Ipv6::from_wire(in6addr_loopback)), port};
}

FastPath::Taker FastPath::take(const PacketView& packet, const Framing& framing, TimePoint now) {
  if (const auto* tcp = packet.as<wire::TcpSegment>()) return take_tcp(packet, *tcp, framing.checksum, now);
  if (DatagramPath::carries(packet)) return take_datagram(packet, framing, now);
  if (packet.as<wire::IcmpMessage>()) note_icmp(packet.ip, now);
  return framing.datagram_bytes == 0 ? Taker::stack : Taker::malformed;  // nobody speaks DHCP in superframes
}

FastPath::Taker FastPath::take_datagram(const PacketView& packet, const Framing& framing, TimePoint now) {
  if (framing.checksum == Checksum::unknown && !is_checksum_right(packet)) return Taker::bad_checksum;
  const auto* udp = packet.as<wire::UdpDatagram>();
  const bool is_many = udp && framing.datagram_bytes != 0 && udp->payload.size() > kMostSegments * framing.datagram_bytes;
  if (is_many) return Taker::malformed;
  if (udp && names_.serves(packet.ip.destination, udp->destination)) {
    take_queries(packet, *udp, framing.datagram_bytes, now);
    return Taker::names;
  }
  datagrams_.take(packet, framing.datagram_bytes, now);
  return Taker::engine;
}

/// Of a superframe each datagram is one.
void FastPath::take_queries(const PacketView& packet, const wire::UdpDatagram& udp, size_t segment_bytes, TimePoint now) {
  const size_t bytes = udp.payload.size(), most = segment_bytes != 0 ? segment_bytes : bytes;
  size_t at = 0;
  do {
    wire::UdpDatagram query = udp;
    query.payload = udp.payload.subspan(at, std::min(most, bytes - at));
    names_.take(packet, query, now);
    at += most;
  } while (at < bytes);
}

FastPath::Taker FastPath::take_tcp(const PacketView& packet, const wire::TcpSegment& tcp, Checksum checksum, TimePoint now) {
  const flow::FlowKey key = key_of(packet.ip, tcp);
  if (checksum == Checksum::unknown && !is_checksum_right(packet)) return Taker::bad_checksum;
  engine_.input({key, packet.frame.source, packet.frame.destination, tcp}, now);
  return Taker::engine;
}

/// A router inside may say that our segments are too large for its next link, or that they lead nowhere.
void FastPath::note_icmp(const wire::IpPacket& ip, TimePoint now) {
  if (const auto told = wire::PathMtu::parse(ip)) {
    engine_.path_mtu({told->destination, told->destination_port, told->source, told->source_port}, told->sequence,
                     told->mtu_bytes, now);
  } else if (const auto lost = wire::Unreachable::parse(ip)) {
    engine_.unreachable({lost->destination, lost->destination_port, lost->source, lost->source_port}, lost->sequence, now);
  }
}

void FastPath::note_sender(const Verdict& verdict) {
  if (verdict.packet) return neighbours_.note(verdict.packet->ip.source, verdict.packet->frame.source);
  const auto frame = wire::EthernetFrame::parse(verdict.frame);
  const auto arp = frame && frame->type == wire::EtherType::arp ? wire::ArpPacket::parse(frame->payload) : std::nullopt;
  if (arp) neighbours_.note(arp->sender, arp->sender_mac);
}

/// All zero: nobody has heard of it, and the TAP itself cannot be asked.
Mac FastPath::mac_of(const IpAddress& guest) const { return neighbours_.find(guest).value_or(tap_.mode().mac); }

void FastPath::accept(UniqueFd socket, const stack::Endpoint& client, const stack::Endpoint& guest, TimePoint now) {
  using Admission = flow::TcpEngine::Admission;
  flow::Inbound inbound{
      .key = {guest.address, guest.port, stand_in_for(client.address, guest.address, config_.addresses).value_or(client.address),
              client.port},
      .guest_mac = mac_of(guest.address),
      .gateway_mac = config_.addresses.gateway_mac(guest.address),
      .socket = socket.get()};
  for (int tries = 0; tries < kMostPortsTried; ++tries) {
    const Admission admission = engine_.accept(inbound, now);
    if (admission == Admission::opened) {
      (void)socket.release();
      return;
    }
    if (admission == Admission::full) break;
    inbound.key.remote_port.number = std::max(++spare_port_, kFirstSparePort);
    spare_port_ = inbound.key.remote_port.number;
  }
  sockets_.close(socket.release(), flow::HostSide::Closing::reset);
}

void FastPath::reset_clients(const stack::Forward& forward, TimePoint now) {
  engine_.reset_if(
      [&](const flow::TcpEngine::Flow& flow) {
        const auto own = flow.is_inbound ? stack::own_end(flow.socket) : std::nullopt;
        return own && forward.is_by(*own);
      },
      now);
}

void FastPath::make_room_beside(size_t flows) {
  flow::DatagramEngine& datagrams = datagrams_.engine();
  if (open_flows() + flows >= config_.max_flows) datagrams.give_way();
  engine_.leave_room_for(flows + datagrams.open_flows());
}

void FastPath::end_burst(TimePoint now, flow::Behind behind) {
  engine_.end_burst(now, behind);
  datagrams_.engine().end_burst(now);
}

void FastPath::run(TimePoint now, size_t others) {
  datagrams_.engine().leave_room_for(engine_.open_flows() + others);
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
    stack::Flow flow;
    flow.direction = each.is_inbound ? stack::Flow::Direction::inbound : stack::Flow::Direction::outbound;
    flow.state = each.state;
    flow.guest_address = each.key.guest;
    flow.guest_port = each.key.guest_port;
    flow.remote = stack::Endpoint{each.key.remote, each.key.remote_port};
    flow.host = stack::own_end(each.socket);
    flow.bytes_to_guest = each.bytes_to_guest;
    flow.bytes_to_remote = each.bytes_to_host;
    flow.carried_to_guest = each.carried_to_guest;
    flow.carried_to_remote = each.carried_to_host;
    if (const auto known = stack::ask_kernel(each.socket)) flow.rtt_remote = known->round_trip;
    if (each.guest_round_trip) flow.rtt_guest = std::chrono::duration_cast<std::chrono::microseconds>(*each.guest_round_trip);
    flow.age = std::chrono::duration_cast<std::chrono::milliseconds>(loop_.now() - each.began);
    found.flows.push_back(std::move(flow));
  });
  names_.list(found, most, loop_.now());
  datagrams_.list(found, most);
}

std::optional<HostSocket> FastPath::host_socket(const FlowName& flow) const {
  const flow::FlowKey& key = flow.key;
  if (flow.protocol == wire::Protocol::tcp) {
    const auto led_to = destination(key.remote, reached(key.remote, key.remote_port));
    return ends_of(engine_.socket_of(key), stack::Endpoint{led_to->address, led_to->port});
  }
  const bool is_udp = flow.protocol == wire::Protocol::udp;
  if (is_udp && names_.serves(key.remote, key.remote_port)) return ends_of(names_.socket_of({key.guest, key.guest_port}), {});
  const auto way = datagrams_.engine().way_of(is_udp ? flow::DatagramKind::udp : flow::DatagramKind::echo, key);
  return way ? ends_of(way->socket, stack::Endpoint{way->to.address, way->to.port}) : std::nullopt;
}

/// A SYN to an address of which nobody has heard: instead of it, it is asked who has it, and the next SYN finds the way.
void FastPath::transmit_to_stranger(wire::TcpFrame frame, std::span<const iovec> payload, size_t segment_bytes) {
  const Mac own = frame.source_mac;
  frame.destination_mac = mac_of(frame.destination);
  if (frame.destination_mac == Mac{}) return ask_for(frame.destination, own);
  transmit(frame, payload, segment_bytes);
}

void FastPath::ask_for(const IpAddress& guest, const Mac& own) {
  std::array<uint8_t, wire::kMaxNeighbourRequest> room;
  write_small(
      wire::store_neighbour_request(room, {.sender_mac = own, .sender = config_.addresses.gateway(guest), .wanted = guest}));
}

/// A whole frame that needs no checksum of the kernel.
void FastPath::write_small(wire::Bytes frame) {
  std::array<uint8_t, wire::VnetHeader::kBytes> nothing_special{};
  const std::array<iovec, 2> parts = {iovec{nothing_special.data(), nothing_special.size()},
                                      iovec{const_cast<uint8_t*>(frame.data()), frame.size()}};
  const bool vnet = tap_.framing() == netns::TapFraming::vnet;
  tap_.write(std::span(parts).subspan(vnet ? 0 : 1));
  ++frames_to_guest_;
}

void FastPath::transmit(const wire::TcpFrame& frame, std::span<const iovec> payload, size_t segment_bytes) {
  if (frame.destination_mac == Mac{}) return transmit_to_stranger(frame, payload, segment_bytes);
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
  std::array<uint8_t, wire::kMaxIcmpErrorFrame> reply;
  const auto error = wire::build_icmp_error(to_icmp_reason(why), wire::Bytes(offending).first(bytes),
                                            config_.addresses.gateway(attempt.key.remote), reply);
  if (error) write_small(*error);
}

}  // namespace postern::relay
