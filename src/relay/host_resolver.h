// host_resolver.h - which server answers for the virtual network's DNS address: the first of its family in the host's
// resolv.conf(5).
#pragma once

#include <sys/stat.h>

#include <optional>

#include "postern/base/address.h"
#include "postern/base/clock.h"

namespace postern::relay {

class HostResolver {
 public:
  struct Server {
    IpAddress address;
    uint32_t scope = 0;  // the link of fe80::1%eth0
  };

  /// AF_INET or AF_INET6. Nothing: the host names none. The file is looked at again when it has changed, once a second at most.
  std::optional<Server> server(int family, TimePoint now);

 private:
  void read();

  std::optional<Server> server4_, server6_;
  struct stat seen_ {};
  TimePoint look_again_{};
};

}  // namespace postern::relay
