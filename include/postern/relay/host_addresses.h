// host_addresses.h - the addresses by which a program inside could reach the host, kept true while they come and go.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "postern/loop/event_loop.h"
#include "postern/netlink/address.h"

namespace postern::relay {

class HostAddresses {
 public:
  using Changed = std::function<void(std::vector<IpAddress>)>;

  /// Of the calling thread's network namespace. `changed` is called before this returns, and from the loop whenever an address
  /// came or went. The loop must outlive this.
  static Result<std::unique_ptr<HostAddresses>> watch(loop::EventLoop& loop, Changed changed);

 private:
  HostAddresses(UniqueFd announcements, netlink::Socket socket, Changed changed)
      : announcements_(std::move(announcements)), socket_(std::move(socket)), changed_(std::move(changed)) {}
  Status list();
  UniqueFd announcements_;
  netlink::Socket socket_;
  Changed changed_;
  loop::EventLoop::Source source_;
};

}  // namespace postern::relay
