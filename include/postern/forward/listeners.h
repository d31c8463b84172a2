// listeners.h - who listens on the host for a published port: libslirp (slirp_listeners.h), or we ourselves (host_listeners.h).
#pragma once

#include "postern/base/result.h"
#include "postern/stack/slirp_stack.h"

namespace postern::forward {

class Listeners {
 public:
  virtual ~Listeners() = default;

  /// How a port is listened on: which it became, if any would do, and what it is called here until close().
  struct Listening {
    Port port;
    uint32_t number = 0;
  };
  /// `forward.host_port` 0: any that is free. Errors: EADDRINUSE, EACCES (a port below ip_unprivileged_port_start),
  /// EADDRNOTAVAIL, EMFILE.
  virtual Result<Listening> listen(const stack::Forward& forward) = 0;
  /// `forward` as it was told to listen(), its host port as it became. Connections that are open go on.
  virtual Status close(const stack::Forward& forward, uint32_t number) = 0;
};

}  // namespace postern::forward
