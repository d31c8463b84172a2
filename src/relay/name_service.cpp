#include "name_service.h"

#include "postern/base/socket_address.h"
#include "postern/wire/icmp_error.h"
#include "postern/wire/udp_frame.h"

namespace postern::relay {

namespace {

wire::IcmpReason to_icmp_reason(dns::Refusal why) {
  switch (why) {
    case dns::Refusal::nobody_listens: return wire::IcmpReason::port;
    case dns::Refusal::no_route: return wire::IcmpReason::no_route;
    case dns::Refusal::host: return wire::IcmpReason::address;
    case dns::Refusal::prohibited: return wire::IcmpReason::prohibited;
  }
  return wire::IcmpReason::no_route;
}

flow::HostSocketsConfig::Destination to_destination(const dns::NameServer& server) {
  return {.address = server.address, .port = dns::kPort, .scope = server.scope, .is_nameserver = true, .otherwise = {}};
}

}  // namespace

NameService::NameService(loop::EventLoop& loop, TapPort& tap, const stack::StackConfig& config, const NameSettings& settings)
    : loop_(loop),
      tap_(tap),
      config_(config),
      names_(settings.names),
      resolver_(settings.servers),
      sockets_(loop, {.outbound4 = config.outbound4,
                      .outbound6 = config.outbound6,
                      .ready = [this](uint32_t token) { relay_.host_ready(token, loop_.now()); }}),
      relay_(names_, resolver_.choice(), *this, sockets_, dns::DnsRelay::sockets_beside(config.max_flows)) {}

void NameService::take(const PacketView& packet, const wire::UdpDatagram& datagram, TimePoint now) {
  resolver_.look();
  const dns::Asker asker{.address = packet.ip.source,
                         .port = datagram.source,
                         .server = packet.ip.destination,
                         .mac = packet.frame.source,
                         .server_mac = packet.frame.destination};
  relay_.input(asker, datagram.payload, now);
}

bool NameService::serves(const IpAddress& remote, Port port) const {
  return config_.dns == stack::Dns::redirected && port == dns::kPort && remote == config_.addresses.dns(remote);
}

flow::HostSocketsConfig::Destination NameService::nameserver() {
  const std::vector<dns::NameServer> servers = resolver_.look().in_order(loop_.now(), dns::Transport::tcp);
  flow::HostSocketsConfig::Destination destination = to_destination(servers.front());
  for (size_t i = 1; i < servers.size(); ++i) destination.otherwise.push_back(to_destination(servers[i]));
  return destination;
}

void NameService::connected(const flow::HostSocketsConfig::Destination& destination) {
  resolver_.choice().answered({destination.address, destination.scope}, loop_.now(), dns::Transport::tcp);
}

void NameService::answer(const dns::Asker& asker, wire::Bytes message) {
  const auto vnet = tap_.framing() == netns::TapFraming::vnet ? wire::VnetHeaders::present : wire::VnetHeaders::absent;
  const wire::UdpFrame datagram{.destination_mac = asker.mac,
                                .source_mac = asker.server_mac,
                                .source = asker.server,
                                .destination = asker.address,
                                .source_port = dns::kPort,
                                .destination_port = asker.port,
                                .ip_id = next_ip_id_++};
  wire::UdpFrames frames(datagram, message, config_.mtu_bytes, vnet);
  std::array<uint8_t, wire::kMaxUdpFrameHeaders> headers;
  while (const auto piece = frames.next(headers)) {
    const std::array<iovec, 2> parts = {iovec{headers.data(), piece->header_bytes},
                                        iovec{const_cast<uint8_t*>(piece->data.data()), piece->data.size()}};
    tap_.write(parts);
    ++frames_to_guest_;
  }
}

/// The query itself is long gone; what an ICMP error quotes of it is made again. The error comes from the address that was asked.
void NameService::refuse(const dns::Asker& asker, wire::Bytes query, dns::Refusal why) {
  const wire::UdpFrame datagram{.destination_mac = asker.server_mac,
                                .source_mac = asker.mac,
                                .source = asker.address,
                                .destination = asker.server,
                                .source_port = asker.port,
                                .destination_port = dns::kPort};
  constexpr size_t kQuoted = 512;  // an IPv4 error has no room for more
  std::array<uint8_t, wire::kMaxUdpFrameHeaders + kQuoted> offending;
  wire::UdpFrames frames(datagram, query.first(std::min(query.size(), kQuoted)), wire::IpPacket::kMaxBytes,
                         wire::VnetHeaders::absent);
  const auto piece = frames.next(offending);
  if (!piece) return;
  std::copy(piece->data.begin(), piece->data.end(), offending.begin() + static_cast<ptrdiff_t>(piece->header_bytes));

  std::array<uint8_t, wire::VnetHeader::kBytes + wire::kMaxIcmpErrorFrame> room{};
  const auto error =
      wire::build_icmp_error(to_icmp_reason(why), wire::Bytes(offending).first(piece->header_bytes + piece->data.size()),
                             asker.server, wire::MutableBytes(room).subspan(wire::VnetHeader::kBytes));
  if (!error) return;
  const size_t vnet_bytes = tap_.framing() == netns::TapFraming::vnet ? wire::VnetHeader::kBytes : 0;
  const iovec whole{error->data() - vnet_bytes, error->size() + vnet_bytes};
  tap_.write({&whole, 1});
  ++frames_to_guest_;
}

void NameService::list(stack::Flows& found, size_t most, TimePoint now) const {
  relay_.for_each_query([&](const dns::DnsRelay::Pending& query) {
    ++found.total;
    if (found.flows.size() >= most) return;
    stack::Flow flow;
    flow.protocol = stack::Flow::Protocol::udp;
    flow.expires = std::chrono::duration_cast<std::chrono::seconds>(std::max(query.forgotten_at - now, Duration::zero()));
    flow.guest_address = query.asker.address;
    flow.guest_port = query.asker.port;
    flow.remote = stack::Endpoint{query.asker.server, dns::kPort};
    flow.host = stack::own_end(query.socket);
    found.flows.push_back(std::move(flow));
  });
}

int NameService::socket_of(const stack::Endpoint& asker) const {
  int socket = -1;
  relay_.for_each_query([&](const dns::DnsRelay::Pending& query) {
    if (query.asker.address == asker.address && query.asker.port == asker.port) socket = query.socket;
  });
  return socket;
}

NameServiceState NameService::state() const {
  size_t pending = 0;
  relay_.for_each_query([&](const dns::DnsRelay::Pending&) { ++pending; });
  const dns::ServerChoice& choice = resolver_.look();
  return {.servers = choice.servers(), .answering = choice.answering(), .pending = pending, .counters = relay_.counters()};
}

}  // namespace postern::relay
