// port_table.h - the host ports that lead into the namespace, each with a number by which it can be taken away again.
#pragma once

#include <map>
#include <vector>

#include "postern/forward/listeners.h"
#include "postern/forward/port_spec.h"

namespace postern::forward {

/// Where the namespace can be reached, as far as it is known.
struct GuestAddresses {
  Ipv4 ipv4;
  std::optional<Ipv6> ipv6;
};

using ForwardId = uint64_t;  // from 1, never given twice

/// What becomes, when a port is taken away, of the connections that came in by it.
enum class OpenConnections { go_on, reset };

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
  /// The listeners must outlive it.
  PortTable(Listeners& listeners, const GuestAddresses& guest) : listeners_(listeners), guest_(guest) {}

  /// Listens on every port of `spec`, or on none. Errors name the port, why it cannot be had (by whom it is used, if that can be
  /// known), and what to do: this is for the start.
  Status publish(const PortSpec& spec);
  /// Listens on one port, at any time. Errors are Listeners::listen's, not explained; EAFNOSUPPORT: IPv6 is off.
  Result<Published> add(const PortRequest& request);
  /// New connections are refused from then on; those there are go on. Errors: ENOENT.
  Result<Published> remove(ForwardId id);

  /// In the order in which they were added.
  std::vector<Published> published() const;
  size_t size() const { return entries_.size(); }
  std::optional<stack::Forward> find(ForwardId id) const;
  bool publishes_udp_of(Port guest_port) const { return udp_.contains(guest_port); }

 private:
  struct Entry {
    stack::Forward forward;
    uint32_t number;  // the listener's
  };

  Result<IpAddress> guest_address(const IpAddress& host_address) const;
  Result<Published> listen(stack::Forward forward);

  Listeners& listeners_;
  GuestAddresses guest_;
  std::map<ForwardId, Entry> entries_;
  std::map<Port, size_t> udp_;  // by port inside: how many ports of the host lead to it
  ForwardId last_id_ = 0;
};

}  // namespace postern::forward
