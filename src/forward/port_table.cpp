#include "postern/forward/port_table.h"

#include <fmt/format.h>

#include "port_owner.h"

namespace postern::forward {

namespace {

stack::Forward one_port(const PortSpec& spec, const IpAddress& guest, size_t offset) {
  const auto shifted = [offset](Port port) { return Port{static_cast<uint16_t>(port.number + offset)}; };
  return {spec.protocol, spec.host_address, shifted(spec.first), guest, shifted(spec.guest_first)};
}

Failure explain(const stack::Forward& forward, Error error) {
  const std::string port =
      fmt::format("publish port {}/{} on {}", forward.host_port.number, name(forward.protocol), to_string(forward.host_address));
  if (error.is(std::errc::address_in_use)) {
    const auto owner = find_port_owner(forward.protocol, forward.host_port);
    return fail(port + (owner ? fmt::format(": {} has it already", *owner) : ": another program has it already"));
  }
  if (error.is(std::errc::permission_denied)) {
    return fail(
        fmt::format("{}: ports below {} need root (choose a higher one, or: sudo sysctl net.ipv4.ip_unprivileged_port_start={})",
                    port, first_unprivileged_port(), forward.host_port.number));
  }
  if (error.is(std::errc::address_not_available)) {
    return fail(port + ": the host has no such address");
  }
  return within(port, std::move(error));
}

}  // namespace

Result<IpAddress> PortTable::guest_address(const PortSpec& spec) const {
  if (std::holds_alternative<Ipv4>(spec.host_address)) return guest_.ipv4;
  if (guest_.ipv6) return *guest_.ipv6;
  return fail(fmt::format("publish {}: the namespace has no IPv6 (add --ipv6)", spec.to_string()));
}

Status PortTable::publish(const PortSpec& spec) {
  const auto guest = guest_address(spec);
  if (!guest) return Failure(guest.error());
  for (size_t offset = 0; offset < spec.count(); ++offset) {
    const stack::Forward forward = one_port(spec, *guest, offset);
    const Status added = stack_.add_forward(forward);
    if (added) continue;
    for (size_t undone = 0; undone < offset; ++undone) (void)stack_.remove_forward(one_port(spec, *guest, undone));
    return explain(forward, added.error());
  }
  published_.push_back(spec);
  return {};
}

}  // namespace postern::forward
