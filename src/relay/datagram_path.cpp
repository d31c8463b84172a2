#include "datagram_path.h"

#include <algorithm>
#include <random>

#include "postern/wire/address_class.h"
#include "postern/wire/checksum.h"
#include "postern/wire/icmp_error.h"

#include "client_view.h"

namespace postern::relay {

namespace {

constexpr size_t kMostQuoted = 548;  // of a packet's payload, in an ICMP error

bool is_dhcp(const wire::UdpDatagram& udp) { return udp.source == Port{68} && udp.destination == Port{67}; }

wire::Protocol protocol_of(const flow::DatagramEnds& ends) {
  if (ends.kind == flow::DatagramKind::udp) return wire::Protocol::udp;
  return ends.key.is_v4() ? wire::Protocol::icmp : wire::Protocol::icmpv6;
}

void complete_icmp_checksum(wire::MutableBytes message, const IpAddress& source, const IpAddress& destination) {
  constexpr size_t kChecksum = 2;
  const bool v4 = std::holds_alternative<Ipv4>(source);
  const uint64_t pseudo = v4 ? 0 : wire::pseudo_header(source, destination, wire::Protocol::icmpv6, message.size());
  wire::store16(message, kChecksum, 0);
  wire::store16(message, kChecksum, wire::finish(wire::sum(message, pseudo)));
}

}  // namespace

/// A datagram that the namespace has sent, as far as it is known, to be quoted to it.
class DatagramPath::Quoted {
 public:
  Quoted(const DatagramWriter::Packet& back, const flow::DatagramEnds& ends, wire::Bytes payload) {
    payload = payload.first(std::min(payload.size(), kMostQuoted));
    bytes_ = ends.kind == flow::DatagramKind::udp ? store_udp(back, ends, payload) : store_echo(back, ends, payload);
  }
  wire::Bytes frame() const { return wire::Bytes(room_).first(bytes_); }

 private:
  size_t store_udp(const DatagramWriter::Packet& back, const flow::DatagramEnds& ends, wire::Bytes payload) {
    const wire::UdpFrame udp{.destination_mac = back.source_mac,
                             .source_mac = back.destination_mac,
                             .source = ends.key.guest,
                             .destination = ends.key.remote,
                             .source_port = ends.key.guest_port,
                             .destination_port = ends.key.remote_port};
    wire::UdpFrames frames(udp, payload, wire::IpPacket::kMaxBytes, wire::VnetHeaders::absent);
    const size_t header_bytes = frames.next(room_)->header_bytes;
    std::ranges::copy(payload, room_.begin() + static_cast<ptrdiff_t>(header_bytes));
    return header_bytes + payload.size();
  }

  /// With the id that the namespace gave it.
  size_t store_echo(const DatagramWriter::Packet& back, const flow::DatagramEnds& ends, wire::Bytes request) {
    constexpr uint8_t kRequest4 = 8, kRequest6 = 128;
    const bool v4 = ends.key.is_v4();
    const size_t message_bytes = std::max(request.size(), wire::IcmpMessage::kHeaderBytes);
    const wire::MutableBytes ip = wire::MutableBytes(room_).subspan(wire::EthernetFrame::kHeaderBytes);
    wire::store_ethernet_header(room_, back.source_mac, back.destination_mac, v4 ? wire::EtherType::ipv4 : wire::EtherType::ipv6);
    const size_t ip_bytes = wire::store_ip_header(
        ip, {.source = ends.key.guest, .destination = ends.key.remote, .protocol = back.ip.protocol}, message_bytes);
    const wire::MutableBytes message = ip.subspan(ip_bytes, message_bytes);
    std::ranges::copy(request, message.begin());
    message[0] = v4 ? kRequest4 : kRequest6;
    wire::store16(message, 4, ends.key.guest_port.number);
    complete_icmp_checksum(message, ends.key.guest, ends.key.remote);
    return wire::EthernetFrame::kHeaderBytes + ip_bytes + message_bytes;
  }

  std::array<uint8_t, wire::kMaxUdpFrameHeaders + kMostQuoted> room_{};
  size_t bytes_;
};

DatagramPath::DatagramPath(loop::EventLoop& loop, TapPort& tap, Config config)
    : loop_(loop),
      config_(std::move(config)),
      writer_(tap, config_.network.mtu_bytes, std::random_device()()),
      sockets_(loop, sockets_config()),
      engine_(engine_config(), *this, sockets_) {}

flow::DatagramSocketsConfig DatagramPath::sockets_config() {
  return {
      .outbound4 = config_.network.outbound4,
      .outbound6 = config_.network.outbound6,
      .host_port = config_.policy.host_port,
      .destination = config_.destination,
      .ready = [this](uint32_t token, flow::DatagramEngine::Readiness ready) { engine_.host_ready(token, ready, loop_.now()); }};
}

flow::DatagramConfig DatagramPath::engine_config() const {
  return {.max_flows = config_.network.max_flows,
          .filtering = config_.policy.filtering,
          .stand_in = [this](const IpAddress& client,
                             const IpAddress& guest) { return stand_in_for(client, guest, config_.network.addresses); },
          .hash_key = config_.hash_key};
}

bool DatagramPath::carries(const PacketView& packet) {
  const bool leads_out = packet.place == Place::remote || packet.place == Place::host;
  if (const auto* udp = packet.as<wire::UdpDatagram>()) {
    if (leads_out || packet.place == Place::dns) return true;
    return packet.place == Place::gateway && !is_dhcp(*udp);
  }
  const auto* icmp = packet.as<wire::IcmpMessage>();
  return icmp && leads_out && icmp->kind == wire::IcmpKind::echo_request;
}

void DatagramPath::take(const PacketView& packet, size_t segment_bytes, TimePoint now) {
  flow::GuestDatagram datagram{.ends = {.kind = flow::DatagramKind::udp,
                                        .key = {packet.ip.source, {}, packet.ip.destination, {}},
                                        .guest_mac = packet.frame.source,
                                        .gateway_mac = packet.frame.destination},
                               .hop_limit = packet.ip.hop_limit,
                               .payload = packet.ip.payload};
  datagram.may_open = !packet.only_answers;
  if (const auto* udp = packet.as<wire::UdpDatagram>()) {
    datagram.ends.key.guest_port = udp->source;
    datagram.ends.key.remote_port = udp->destination;
    datagram.payload = udp->payload;
    datagram.segment_bytes = segment_bytes;
  } else {
    datagram.ends.kind = flow::DatagramKind::echo;
    datagram.ends.key.guest_port = Port{packet.as<wire::IcmpMessage>()->echo_id};
  }
  engine_.input(datagram, now);
}

Status DatagramPath::publish(UniqueFd socket, const stack::Forward& forward) {
  // By a socket of the host's loopback nobody else can be reached.
  const bool is_way_out = wire::is_unspecified(forward.host_address) || !wire::is_martian(forward.host_address);
  const auto token = engine_.publish({.guest = forward.guest_address,
                                      .guest_port = forward.guest_port,
                                      .socket = socket.get(),
                                      .is_way_out = is_way_out,
                                      .guest_mac = {},
                                      .gateway_mac = config_.network.addresses.gateway_mac(forward.guest_address)});
  if (!token) return fail(std::errc::not_enough_memory, "publish");
  const int descriptor = socket.release();  // the engine's from now on
  if (auto adopted = sockets_.adopt(descriptor, *token); !adopted) {
    engine_.unpublish(*token);
    return adopted;
  }
  published_.emplace(forward, *token);
  ++published_at_[forward.guest_port];
  return {};
}

void DatagramPath::unpublish(const stack::Forward& forward) {
  const auto found = published_.find(forward);
  if (found == published_.end()) return;
  engine_.unpublish(found->second);
  published_.erase(found);
  const auto ports = published_at_.find(forward.guest_port);
  if (--ports->second == 0) published_at_.erase(ports);
}

/// Who has never spoken has no address of its own yet; and where nobody is known by the one that is meant, all are told.
Mac DatagramPath::mac_towards(const flow::DatagramEnds& ends) const {
  if (ends.guest_mac != Mac{}) return ends.guest_mac;
  const Mac known = config_.mac_of(ends.key.guest);
  return known != Mac{} ? known : Mac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
}

DatagramWriter::Packet DatagramPath::towards_guest(const flow::DatagramEnds& ends) const {
  return {mac_towards(ends),
          ends.gateway_mac,
          {.source = ends.key.remote, .destination = ends.key.guest, .protocol = protocol_of(ends)}};
}

void DatagramPath::transmit(const flow::DatagramEnds& ends, std::span<const iovec> payload, size_t segment_bytes) {
  const DatagramWriter::Packet packet = towards_guest(ends);
  if (ends.kind == flow::DatagramKind::udp) {
    return writer_.udp({.destination_mac = packet.destination_mac,
                        .source_mac = packet.source_mac,
                        .source = ends.key.remote,
                        .destination = ends.key.guest,
                        .source_port = ends.key.remote_port,
                        .destination_port = ends.key.guest_port},
                       payload, segment_bytes);
  }
  const wire::MutableBytes message(static_cast<uint8_t*>(payload.front().iov_base), payload.front().iov_len);
  complete_icmp_checksum(message, ends.key.remote, ends.key.guest);
  writer_.packet(packet, message);
}

/// The datagram itself is long gone; what an ICMP error quotes of it is made again.
void DatagramPath::report(const flow::DatagramEnds& ends, const wire::IcmpError& error, const std::optional<IpAddress>& offender,
                          wire::Bytes quoted) {
  const Quoted offending(towards_guest(ends), ends, quoted);
  const IpAddress gateway = config_.network.addresses.gateway(ends.key.guest);
  std::array<uint8_t, wire::kMaxIcmpErrorFrame> room;
  const auto frame = wire::build_icmp_error(error, offending.frame(), offender.value_or(gateway), room);
  if (frame) writer_.frame(*frame);
}

void DatagramPath::expect_answer(const flow::DatagramEnds& ends) {
  config_.client_spoke(ends.key.remote, ends.key.remote_port, ends.key.guest_port);
}

void DatagramPath::list(stack::Flows& found, size_t most) const {
  engine_.for_each_flow(loop_.now(), [&](const flow::DatagramEngine::Flow& each) {
    ++found.total;
    if (found.flows.size() >= most) return;
    const bool is_udp = each.ends.kind == flow::DatagramKind::udp;
    stack::Flow flow;
    flow.protocol = is_udp ? stack::Flow::Protocol::udp : stack::Flow::Protocol::icmp;
    flow.direction = each.is_inbound ? stack::Flow::Direction::inbound : stack::Flow::Direction::outbound;
    flow.expires = each.expires;
    flow.guest_address = each.ends.key.guest;
    if (is_udp) flow.guest_port = each.ends.key.guest_port;
    flow.remote = stack::Endpoint{each.ends.key.remote, each.ends.key.remote_port};
    flow.host = stack::own_end(each.socket);
    if (flow.host && !is_udp) flow.host->port = {};
    flow.carried_to_guest = each.carried_to_guest;
    flow.carried_to_remote = each.carried_to_host;
    flow.age = std::chrono::duration_cast<std::chrono::milliseconds>(loop_.now() - each.began);
    found.flows.push_back(std::move(flow));
  });
}

}  // namespace postern::relay
