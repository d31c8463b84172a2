#include "postern/forward/port_table.h"

#include <fmt/format.h>

#include "port_owner.h"

namespace postern::forward {

namespace {

stack::Forward one_port(const PortSpec& spec, const IpAddress& guest, size_t offset) {
  return {spec.protocol, spec.host_address, shifted(spec.first, offset), guest, shifted(spec.guest_first, offset)};
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
  if (error.is(std::errc::too_many_files_open)) {
    return said(port + ": the limit on open files is reached (raise it: ulimit -n 1048576)");
  }
  error.context.insert(0, port + ": ");
  return error;
}

Result<IpAddress> PortTable::guest_address(const IpAddress& host_address) const {
  if (std::holds_alternative<Ipv4>(host_address)) return guest_.ipv4;
  if (guest_.ipv6) return *guest_.ipv6;
  return fail(std::errc::address_family_not_supported, "the namespace has no IPv6");
}

Result<Published> PortTable::listen(stack::Forward forward) {
  const auto listening = listeners_.listen(forward);
  if (!listening) return Failure(listening.error());
  forward.host_port = listening->port;
  entries_.emplace_hint(entries_.end(), ++last_id_, Entry{forward, listening->number});
  if (forward.protocol == stack::Protocol::udp) ++udp_[forward.guest_port];
  return Published{last_id_, forward};
}

Result<Published> PortTable::add(const PortRequest& request) {
  const auto guest = request.guest_address ? Result<IpAddress>(*request.guest_address) : guest_address(request.host_address);
  if (!guest) return Failure(guest.error());
  if (guest->index() != request.host_address.index()) {
    return fail(std::errc::address_family_not_supported, "the two addresses are of different families");
  }
  return listen({request.protocol, request.host_address, request.host_port, *guest, request.guest_port});
}

Status PortTable::publish(const PortSpec& spec) {
  const auto guest = guest_address(spec.host_address);
  if (!guest) return fail(fmt::format("publish {}: the namespace has no IPv6 (add --ipv6)", spec.to_string()));
  const ForwardId before = last_id_;
  for (size_t offset = 0; offset < spec.count(); ++offset) {
    const stack::Forward forward = one_port(spec, *guest, offset);
    const auto added = listen(forward);
    if (added) continue;
    for (ForwardId id = last_id_; id > before; --id) (void)remove(id);
    return Failure(explain(forward, added.error()));
  }
  return {};
}

Result<Published> PortTable::remove(ForwardId id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return fail(std::errc::no_such_file_or_directory, fmt::format("no published port has id {}", id));
  const Published removed{id, found->second.forward};
  if (const Status closed = listeners_.close(removed.forward, found->second.number); !closed) return Failure(closed.error());
  entries_.erase(found);
  if (removed.forward.protocol == stack::Protocol::udp) {
    const auto ports = udp_.find(removed.forward.guest_port);
    if (--ports->second == 0) udp_.erase(ports);
  }
  return removed;
}

std::optional<stack::Forward> PortTable::find(ForwardId id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? std::nullopt : std::optional(found->second.forward);
}

std::vector<Published> PortTable::published() const {
  std::vector<Published> all;
  all.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) all.push_back({id, entry.forward});
  return all;
}

}  // namespace postern::forward
