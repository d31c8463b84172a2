// link_watch.h - tells when both families work inside: IPv4 does at once, IPv6 once a router advertisement was taken in.
#pragma once

#include <functional>

#include "postern/loop/event_loop.h"
#include "postern/netlink/monitor.h"

namespace postern::relay {

class LinkWatch {
 public:
  /// `socket` is ConnectedTap::address_watch. `ready` is called once, from the loop, when the link has a global IPv6 address that
  /// is not tentative, and a default route. The loop must outlive the watch.
  static Result<std::unique_ptr<LinkWatch>> create(loop::EventLoop& loop, UniqueFd socket, int link_index,
                                                   std::function<void()> ready);

 private:
  LinkWatch(netlink::AddressMonitor monitor, std::function<void()> ready)
      : monitor_(std::move(monitor)), ready_(std::move(ready)) {}
  void look();
  netlink::AddressMonitor monitor_;
  std::function<void()> ready_;
  loop::EventLoop::Source source_;
};

}  // namespace postern::relay
