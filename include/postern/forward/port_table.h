// port_table.h - the host ports that lead into the namespace.
#pragma once

#include <vector>

#include "postern/forward/port_spec.h"

namespace postern::forward {

/// Where the namespace can be reached, as far as it is known.
struct GuestAddresses {
  Ipv4 ipv4;
  std::optional<Ipv6> ipv6;
};

class PortTable {
 public:
  PortTable(stack::SlirpStack& stack, const GuestAddresses& guest) : stack_(stack), guest_(guest) {}

  /// Listens on every port of `spec`, or on none. Errors name the port, why it cannot be had (by whom it is used, if that can be
  /// known), and what to do.
  Status publish(const PortSpec& spec);
  const std::vector<PortSpec>& published() const { return published_; }

 private:
  Result<IpAddress> guest_address(const PortSpec& spec) const;
  stack::SlirpStack& stack_;
  GuestAddresses guest_;
  std::vector<PortSpec> published_;
};

}  // namespace postern::forward
