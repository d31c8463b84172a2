#include "postern/forward/port_table.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "postern/base/socket_address.h"
#include "postern/base/unique_fd.h"

#include "port_owner.h"

namespace postern::forward {

namespace {

constexpr int kTries = 16;  // for a free port that stays free until libslirp has it

stack::Forward one_port(const PortSpec& spec, const IpAddress& guest, size_t offset) {
  const auto shifted = [offset](Port port) { return Port{static_cast<uint16_t>(port.number + offset)}; };
  return {spec.protocol, spec.host_address, shifted(spec.first), guest, shifted(spec.guest_first)};
}

/// A port of `address` that nobody has at this moment. Errors: socket(2)'s, bind(2)'s.
Result<Port> free_port(stack::Protocol protocol, const IpAddress& address) {
  SocketAddress name(address, {});
  const UniqueFd socket(::socket(name.family(), (protocol == stack::Protocol::udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("socket");
  if (::bind(socket.get(), name.get(), name.size()) < 0) return fail_errno("bind", to_string(address));
  if (::getsockname(socket.get(), name.get(), name.room()) < 0) return fail_errno("getsockname");
  return name.port();
}

}  // namespace

Error explain(const stack::Forward& forward, Error error) {
  const std::string port =
      fmt::format("publish port {}/{} on {}", forward.host_port.number, name(forward.protocol), to_string(forward.host_address));
  const auto said = [](std::string text) { return Error{{}, std::move(text)}; };
  if (error.is(std::errc::address_in_use)) {
    const auto owner = find_port_owner(forward.protocol, forward.host_port);
    return said(port + (owner ? fmt::format(": {} has it already", *owner) : ": another program has it already"));
  }
  if (error.is(std::errc::permission_denied)) {
    return said(
        fmt::format("{}: ports below {} need root (choose a higher one, or: sudo sysctl net.ipv4.ip_unprivileged_port_start={})",
                    port, first_unprivileged_port(), forward.host_port.number));
  }
  if (error.is(std::errc::address_not_available)) return said(port + ": the host has no such address");
  error.context.insert(0, port + ": ");
  return error;
}

Result<IpAddress> PortTable::guest_address(const IpAddress& host_address) const {
  if (std::holds_alternative<Ipv4>(host_address)) return guest_.ipv4;
  if (guest_.ipv6) return *guest_.ipv6;
  return fail(std::errc::address_family_not_supported, "the namespace has no IPv6");
}

Result<Published> PortTable::listen(const stack::Forward& forward) {
  if (const Status added = stack_.add_forward(forward); !added) return Failure(added.error());
  return published_.emplace_back(Published{++last_id_, forward});
}

Result<Published> PortTable::listen_on_any(stack::Forward forward) {
  for (int tries = 1;; ++tries) {
    const auto port = free_port(forward.protocol, forward.host_address);
    if (!port) return Failure(port.error());
    forward.host_port = *port;
    auto published = listen(forward);
    if (published || tries == kTries || !published.error().is(std::errc::address_in_use)) return published;
  }
}

Result<Published> PortTable::add(const PortRequest& request) {
  const auto guest = request.guest_address ? Result<IpAddress>(*request.guest_address) : guest_address(request.host_address);
  if (!guest) return Failure(guest.error());
  if (guest->index() != request.host_address.index()) {
    return fail(std::errc::address_family_not_supported, "the two addresses are of different families");
  }
  const stack::Forward forward{request.protocol, request.host_address, request.host_port, *guest, request.guest_port};
  const auto same_listener = [&forward](const Published& other) {
    return other.forward.protocol == forward.protocol && other.forward.host_address == forward.host_address &&
           other.forward.host_port == forward.host_port;
  };
  if (std::any_of(published_.begin(), published_.end(), same_listener)) {
    return fail(std::errc::address_in_use, "it is published already");
  }
  return request.host_port.number == 0 ? listen_on_any(forward) : listen(forward);
}

Status PortTable::publish(const PortSpec& spec) {
  const auto guest = guest_address(spec.host_address);
  if (!guest) return fail(fmt::format("publish {}: the namespace has no IPv6 (add --ipv6)", spec.to_string()));
  const size_t before = published_.size();
  for (size_t offset = 0; offset < spec.count(); ++offset) {
    const stack::Forward forward = one_port(spec, *guest, offset);
    const auto added = listen(forward);
    if (added) continue;
    while (published_.size() > before) (void)remove(published_.back().id);
    return Failure(explain(forward, added.error()));
  }
  return {};
}

Result<Published> PortTable::remove(ForwardId id) {
  const auto found = std::find_if(published_.begin(), published_.end(), [id](const Published& one) { return one.id == id; });
  if (found == published_.end())
    return fail(std::errc::no_such_file_or_directory, fmt::format("no published port has id {}", id));
  const Published removed = *found;
  if (const Status gone = stack_.remove_forward(removed.forward); !gone) return Failure(gone.error());
  published_.erase(found);
  return removed;
}

bool PortTable::leads_to(stack::Protocol protocol, Port guest_port) const {
  return std::any_of(published_.begin(), published_.end(), [&](const Published& one) {
    return one.forward.protocol == protocol && one.forward.guest_port == guest_port;
  });
}

}  // namespace postern::forward
