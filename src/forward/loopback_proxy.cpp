#include "postern/forward/loopback_proxy.h"

#include <netinet/in.h>

#include <algorithm>

#include "postern/base/log.h"
#include "postern/forward/host_listeners.h"
#include "postern/forward/splicer.h"
#include "postern/process/inheritance.h"

#include "datagram_proxy.h"
#include "host_sockets.h"
#include "original_end.h"
#include "ports_file.h"
#include "stream_socket.h"

namespace postern::forward {

namespace {

constexpr size_t kSpareDescriptors = 32;
constexpr size_t kMostConnections = size_t{1} << 18;

/// Of so many files that may be open: half for streams and more, the rest for what is bounded anyway.
struct Budget {
  size_t connections;
  DatagramProxy::Limits datagrams;

  static Budget of(size_t files) {
    const DatagramProxy::Limits usual;
    const DatagramProxy::Limits datagrams{std::min(usual.ports, files / 8), std::min(usual.clients, files / 8)};
    const size_t beside = datagrams.ports + datagrams.clients + 2 * Splicer::kMostPipes + kSpareDescriptors;
    return {std::clamp<size_t>(files > beside ? (files - beside) / 2 : 0, 16, kMostConnections), datagrams};
  }
};

/// The rules lead clients to our port also when we have died, so it is one that only the privileged can listen on, as
/// bindresvport(3) chooses them. Who may not either takes any.
Result<Listeners::Listening> listen_at(HostListeners& listeners, const IpAddress& address) {
  stack::Forward forward{
      .protocol = stack::Protocol::tcp, .host_address = address, .host_port = {}, .guest_address = {}, .guest_port = {}};
  constexpr uint16_t kHighest = 1023, kLowest = 600;
  for (uint16_t number = kHighest; number >= kLowest; --number) {
    forward.host_port = Port{number};
    auto listening = listeners.listen(forward);
    if (listening) return listening;
    if (!listening.error().is(std::errc::address_in_use)) break;
  }
  forward.host_port = {};
  return listeners.listen(forward);
}

}  // namespace

/// What it is made of, which the door need not show.
struct LoopbackProxy::Parts final : Clients {
  Parts(loop::EventLoop& loop, const Budget& budget)
      : most_connections(budget.connections),
        datagram_limits(budget.datagrams),
        splicer(loop, std::make_unique<HostSockets>(loop),
                [](Splicer::Client client) { set_reset(client.socket.get()); }),  // no port left to connect from
        listeners(loop, *this) {}

  Status open(loop::EventLoop& loop, std::string ports_file);

  bool have_room() const override { return splicer.open_connections() < most_connections; }
  void arrived(UniqueFd socket, const stack::Endpoint& client, const stack::Forward& forward) override;
  Status publish_udp(UniqueFd socket, const stack::Forward& forward) override {
    return datagrams->adopt(std::move(socket), forward);
  }
  void unpublish_udp(const stack::Forward& forward) override { datagrams->drop(forward); }

  size_t most_connections;
  DatagramProxy::Limits datagram_limits;
  std::unique_ptr<PortsFile> file;
  Splicer splicer;
  HostListeners listeners;
  std::unique_ptr<DatagramProxy> datagrams;
  ProxyPorts ports;
};

Status LoopbackProxy::Parts::open(loop::EventLoop& loop, std::string ports_file) {
  POSTERN_TRY(opened, PortsFile::open(loop, std::move(ports_file), [this] { datagrams->follow(); }), "loopback proxy");
  file = std::move(opened);
  datagrams = std::make_unique<DatagramProxy>(loop, listeners, file->targets(), datagram_limits);
  POSTERN_TRY(ipv4, listen_at(listeners, Ipv4::of(127, 0, 0, 1)), "loopback proxy");
  ports.ipv4 = ipv4.port;
  const auto ipv6 = listen_at(listeners, Ipv6::from_wire(in6addr_loopback));
  if (ipv6) ports.ipv6 = ipv6->port;
  if (!ipv6) log::debug("published ports are not at ::1: {}", ipv6.error().message());
  datagrams->follow();
  return {};
}

/// One that leads nowhere is reset, as by a container where nobody listens.
void LoopbackProxy::Parts::arrived(UniqueFd socket, const stack::Endpoint& client, const stack::Forward& forward) {
  file->refresh();
  const auto original = original_end(socket.get(), client);
  const bool was_redirected = original && *original != stack::Endpoint{forward.host_address, forward.host_port};
  const auto target = was_redirected ? file->targets().find(stack::Protocol::tcp, *original) : std::nullopt;
  if (!target) return set_reset(socket.get());
  const stack::Endpoint to = target->for_client(client.address);
  splicer.carry({std::move(socket),
                 client,
                 {.protocol = stack::Protocol::tcp,
                  .host_address = original->address,
                  .host_port = original->port,
                  .guest_address = to.address,
                  .guest_port = to.port}},
                to);
}

LoopbackProxy::LoopbackProxy(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
LoopbackProxy::~LoopbackProxy() = default;

Result<std::unique_ptr<LoopbackProxy>> LoopbackProxy::create(loop::EventLoop& loop, std::string ports_file) {
  auto parts = std::make_unique<Parts>(loop, Budget::of(process::raise_file_limit()));
  if (const Status opened = parts->open(loop, std::move(ports_file)); !opened) return Failure(opened.error());
  return std::unique_ptr<LoopbackProxy>(new LoopbackProxy(std::move(parts)));
}

ProxyPorts LoopbackProxy::ports() const { return parts_->ports; }

}  // namespace postern::forward
