#include "connection.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <unistd.h>

#include <utility>

#include "postern/base/log.h"
#include "postern/forward/slirp_listeners.h"

namespace postern::cli {

namespace {

using Seconds = std::chrono::duration<double>;

std::unique_ptr<forward::Listeners> make_listeners(relay::Engine engine, loop::EventLoop& loop, forward::Clients& clients,
                                                   stack::SlirpStack& stack) {
  if (engine == relay::Engine::libslirp) return std::make_unique<forward::SlirpListeners>(stack);
  return std::make_unique<forward::HostListeners>(loop, clients);
}

}  // namespace

Connection::Connection(loop::EventLoop& loop, const VirtualNetwork& network, std::unique_ptr<relay::Relay> relay)
    : loop_(loop),
      network_(network),
      relay_(std::move(relay)),
      listeners_(make_listeners(network.engine, loop, *this, relay_->stack())),
      ports_(*listeners_, {network.stack.addresses.guest(), network.guest6()}),
      patience_(loop, [this] {
        log::warning("no IPv6 address inside after {:g} s; going on without", Seconds(events_.patience_for_ipv6).count());
        report_ready();
      }) {}

Result<std::unique_ptr<Connection>> Connection::create(loop::EventLoop& loop, const VirtualNetwork& network,
                                                       const std::vector<forward::PortSpec>& publish) {
  auto relay = relay::Relay::create(loop, network.stack, network.engine, {network.names, network.datagrams});
  if (!relay) return Failure(relay.error());
  std::unique_ptr<Connection> connection(new Connection(loop, network, std::move(*relay)));
  if (const auto isolated = connection->isolate_host(); !isolated) return Failure(isolated.error());
  if (const auto published = connection->publish(publish); !published) return Failure(published.error());
  return connection;
}

Status Connection::isolate_host() {
  if (network_.host_reach == HostReach::open) return {};
  auto watch = relay::HostAddresses::watch(
      loop_, [this](std::vector<IpAddress> addresses) { relay_->filter().isolate_host(std::move(addresses)); });
  if (!watch) return Failure(watch.error());
  host_addresses_ = std::move(*watch);
  return {};
}

Status Connection::publish(const std::vector<forward::PortSpec>& specs) {
  bool silent_udp = false;
  for (const forward::PortSpec& spec : specs) {
    if (auto published = ports_.publish(spec); !published) return published;
    const bool is_stacks = spec.protocol == stack::Protocol::udp && network_.engine == relay::Engine::libslirp;
    for (size_t i = 0; is_stacks && i < spec.count(); ++i) relay_->filter().published_udp().set(spec.guest_first.number + i);
    silent_udp |= is_stacks && network_.stack.host_loopback == stack::HostLoopback::closed;
  }
  if (silent_udp)
    log::info("published UDP ports do not answer clients on the host's own loopback (--allow-host-loopback lets them)");
  return {};
}

/// Of UDP ports that are libslirp's the filter learns here; of ours by the relay.
Result<forward::Published> Connection::add_forward(const forward::PortRequest& request) {
  auto added = ports_.add(request);
  const bool is_udp = added && added->forward.protocol == stack::Protocol::udp;
  if (is_udp && network_.engine == relay::Engine::libslirp) {
    relay_->filter().published_udp().set(added->forward.guest_port.number);
  }
  return added;
}

Status Connection::remove_forward(forward::ForwardId id, forward::OpenConnections open) {
  const auto removed = ports_.remove(id);
  if (!removed) return Failure(removed.error());
  const stack::Forward& forward = removed->forward;
  const bool is_stacks = forward.protocol == stack::Protocol::udp && network_.engine == relay::Engine::libslirp;
  if (is_stacks && !ports_.publishes_udp_of(forward.guest_port)) {
    relay_->filter().published_udp().reset(forward.guest_port.number);
  }
  if (open == forward::OpenConnections::reset && forward.protocol == stack::Protocol::tcp) {
    relay_->reset_clients(forward);
    if (splicer_) splicer_->reset(forward);
  }
  return {};
}

bool Connection::have_room() const { return carries_ && relay_->has_room_for_client(); }

/// Spliced are the clients whose address means nothing inside. The others go by the TAP, which can show theirs.
void Connection::arrived(UniqueFd socket, const stack::Endpoint& client, const stack::Forward& forward) {
  if (splicer() && is_loopback(client.address)) {
    return splicer_->carry({std::move(socket), client, forward}, spliced_end(forward));
  }
  relay_->accept_tcp(std::move(socket), client, {forward.guest_address, forward.guest_port});
}

/// Where a client on the loopback is led to: what it looks like inside follows from that.
stack::Endpoint Connection::spliced_end(const stack::Forward& forward) const {
  const bool v4 = std::holds_alternative<Ipv4>(forward.guest_address);
  const IpAddress loopback = v4 ? IpAddress(Ipv4::of(127, 0, 0, 1)) : IpAddress(Ipv6::from_wire(in6addr_loopback));
  const bool by_loopback = network_.publish_source == PublishSource::loopback;
  return {by_loopback ? loopback : forward.guest_address, forward.guest_port};
}

Status Connection::open_splicer(const netns::NamespaceHandle& target) {
  if (network_.publish_source == PublishSource::gateway) return {};
  auto splicer = forward::Splicer::create(loop_, target, [this](forward::Splicer::Client client) {
    relay_->accept_tcp(std::move(client.socket), client.address, {client.forward.guest_address, client.forward.guest_port});
  });
  if (!splicer && network_.publish_source_is_typed) return Failure(splicer.error());
  if (!splicer) {
    log::warning("clients of published ports on the host's loopback go by the TAP, seen as the gateway: {}",
                 splicer.error().message());
    return {};
  }
  splicer_ = std::move(*splicer);
  constexpr size_t kSockets = 2;  // of a connection
  relay_->count_beside([this] { return kSockets * splicer_->open_connections(); });
  return {};
}

stack::Flows Connection::flows(size_t most) const {
  stack::Flows found = relay_->flows(most);
  if (splicer_) splicer_->list(found, most);
  return found;
}

Status Connection::drain(const relay::Relay::Patience& patience, const std::function<bool()>& give_up) {
  using Others = relay::Relay::Others;
  return relay_->drain(patience, give_up, [this]() -> Others {
    if (!splicer_) return {};
    return {splicer_->owes_clients(), splicer_->counters().bytes_to_client};
  });
}

Connection::Awaited Connection::awaited_behind(const relay::TapPlan& plan) {
  return plan.configuration && plan.configuration->ipv6 ? Awaited::ipv6_address : Awaited::nothing;
}

Status Connection::start(relay::ConnectedTap tap, Awaited awaited, Events events) {
  events_ = std::move(events);
  if (auto connected = relay_->connect(std::move(tap.tap), tap.mode, [this] { lose_tap(); }); !connected) return connected;
  carries_ = true;
  if (awaited == Awaited::ipv6_address) {
    if (auto watched = watch_link(tap); !watched) return watched;
  }
  if (events_.before_first_frame) {
    if (auto done = events_.before_first_frame(); !done) return done;
  }
  if (awaited == Awaited::nothing) report_ready();
  return {};
}

/// Who comes to a published port now waits in the backlog: behind us is nobody.
void Connection::lose_tap() {
  carries_ = false;
  if (events_.tap_gone) events_.tap_gone();
}

Status Connection::watch_link(relay::ConnectedTap& tap) {
  auto watch = relay::LinkWatch::create(loop_, std::move(tap.address_watch), tap.link_index, [this] { report_ready(); });
  if (!watch) return Failure(watch.error());
  link_watch_ = std::move(*watch);
  patience_.set(loop_.now() + events_.patience_for_ipv6);
  return {};
}

void Connection::report_ready() {
  patience_.cancel();
  if (events_.ready) std::exchange(events_.ready, nullptr)();
  link_watch_.reset();  // or root inside could keep us reading news of its addresses
}

void tell_ready(std::optional<int>& ready_fd) {
  if (!ready_fd) return;
  const UniqueFd fd(*std::exchange(ready_fd, std::nullopt));
  if (::write(fd.get(), "1", 1) != 1) log::debug("nobody reads --ready-fd");
}

std::string with_remedy(const Error& error) {
  const std::string remedy = doctor::remedy_for(error);
  return remedy.empty() ? error.message() : fmt::format("{} ({})", error.message(), remedy);
}

}  // namespace postern::cli
