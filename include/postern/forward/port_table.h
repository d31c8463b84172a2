// port_table.h - the host ports that lead into the namespace, each with a number by which it can be taken away again.
#pragma once

#include <vector>

#include "postern/forward/port_spec.h"

namespace postern::forward {

/// Where the namespace can be reached, as far as it is known.
struct GuestAddresses {
  Ipv4 ipv4;
  std::optional<Ipv6> ipv6;
};

using ForwardId = uint64_t;  // from 1, never given twice

struct Published {
  ForwardId id = 0;
  stack::Forward forward;
  bool operator==(const Published&) const = default;
};

/// One port to publish.
struct PortRequest {
  stack::Protocol protocol = stack::Protocol::tcp;
  IpAddress host_address = Ipv4{};
  Port host_port;                          // 0: any that is free
  std::optional<IpAddress> guest_address;  // nothing: the namespace's own of that family
  Port guest_port;
  bool operator==(const PortRequest&) const = default;
};

/// The error of a port that cannot be had, in words: who has it, or what to do. Looks into /proc, so not behind the sandbox.
Error explain(const stack::Forward& forward, Error error);

class PortTable {
 public:
  PortTable(stack::SlirpStack& stack, const GuestAddresses& guest) : stack_(stack), guest_(guest) {}

  /// Listens on every port of `spec`, or on none. Errors name the port, why it cannot be had (by whom it is used, if that can be
  /// known), and what to do: this is for the start.
  Status publish(const PortSpec& spec);
  /// Listens on one port, at any time. Errors are stack::SlirpStack::add_forward's, not explained; EAFNOSUPPORT: IPv6 is off.
  Result<Published> add(const PortRequest& request);
  /// New connections are refused from then on; those there are go on. Errors: ENOENT.
  Result<Published> remove(ForwardId id);

  const std::vector<Published>& published() const { return published_; }
  bool leads_to(stack::Protocol protocol, Port guest_port) const;

 private:
  Result<IpAddress> guest_address(const IpAddress& host_address) const;
  Result<Published> listen(const stack::Forward& forward);
  Result<Published> listen_on_any(stack::Forward forward);
  stack::SlirpStack& stack_;
  GuestAddresses guest_;
  std::vector<Published> published_;
  ForwardId last_id_ = 0;
};

}  // namespace postern::forward
