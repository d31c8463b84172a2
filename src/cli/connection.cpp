#include "connection.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "postern/base/log.h"

namespace postern::cli {

namespace {

using Seconds = std::chrono::duration<double>;

}  // namespace

Connection::Connection(loop::EventLoop& loop, const VirtualNetwork& network, std::unique_ptr<relay::Relay> relay)
    : loop_(loop),
      network_(network),
      relay_(std::move(relay)),
      ports_(relay_->stack(), {network.stack.addresses.guest(), network.guest6()}),
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
    if (spec.protocol != stack::Protocol::udp) continue;
    for (size_t i = 0; i < spec.count(); ++i) relay_->filter().published_udp().set(spec.guest_first.number + i);
    silent_udp |= network_.stack.host_loopback == stack::HostLoopback::closed;
  }
  if (silent_udp)
    log::info("published UDP ports do not answer clients on the host's own loopback (--allow-host-loopback lets them)");
  return {};
}

Result<forward::Published> Connection::add_forward(const forward::PortRequest& request) {
  auto added = ports_.add(request);
  if (added && added->forward.protocol == stack::Protocol::udp) {
    relay_->filter().published_udp().set(added->forward.guest_port.number);
  }
  return added;
}

Status Connection::remove_forward(forward::ForwardId id) {
  const auto removed = ports_.remove(id);
  if (!removed) return Failure(removed.error());
  const stack::Forward& forward = removed->forward;
  if (forward.protocol == stack::Protocol::udp && !ports_.leads_to(stack::Protocol::udp, forward.guest_port)) {
    relay_->filter().published_udp().reset(forward.guest_port.number);
  }
  return {};
}

Connection::Awaited Connection::awaited_behind(const relay::TapPlan& plan) {
  return plan.configuration && plan.configuration->ipv6 ? Awaited::ipv6_address : Awaited::nothing;
}

Status Connection::start(relay::ConnectedTap tap, Awaited awaited, Events events) {
  events_ = std::move(events);
  if (auto connected = relay_->connect(std::move(tap.tap), tap.mode, events_.tap_gone); !connected) return connected;
  if (awaited == Awaited::ipv6_address) {
    if (auto watched = watch_link(tap); !watched) return watched;
  }
  if (events_.before_first_frame) {
    if (auto done = events_.before_first_frame(); !done) return done;
  }
  if (awaited == Awaited::nothing) report_ready();
  return {};
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
