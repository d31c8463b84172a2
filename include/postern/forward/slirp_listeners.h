// slirp_listeners.h - libslirp's listeners, for --engine libslirp: it binds, accepts and opens the connection inside.
#pragma once

#include <set>
#include <tuple>

#include "postern/forward/listeners.h"

namespace postern::forward {

class SlirpListeners final : public Listeners {
 public:
  /// The stack must outlive this.
  explicit SlirpListeners(stack::SlirpStack& stack) : stack_(stack) {}

  Result<Listening> listen(const stack::Forward& forward) override;
  Status close(const stack::Forward& forward, uint32_t number) override;

 private:
  using Name = std::tuple<stack::Protocol, IpAddress, Port>;
  static Name name_of(const stack::Forward& forward) { return {forward.protocol, forward.host_address, forward.host_port}; }
  Status listen_on(const stack::Forward& forward);

  stack::SlirpStack& stack_;
  std::set<Name> open_;  // libslirp would share a UDP port between two of its own
};

}  // namespace postern::forward
