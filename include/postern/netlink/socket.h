// socket.h - one conversation with the kernel's routing tables, rtnetlink(7). The nouns are in link.h, address.h and route.h;
// this is the line they speak over.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::netlink {

/// Acts for ever on the network namespace in which it was opened, whichever one its user is in later. Blocks until the kernel
/// has answered, which it does at once; for one thread.
///
/// A refusal is an Error with the kernel's errno, and its own words where it has any: "set mtu of link 2: mtu greater than
/// device maximum: Invalid argument (EINVAL)".
class Socket {
 public:
  /// Errors: EPROTONOSUPPORT (no netlink: gVisor, a seccomp filter), EMFILE.
  static Result<Socket> open();

  using Sink = std::function<void(const nlmsghdr&)>;

  /// Sends one `request`, numbering it, and waits for its end: the acknowledgement, or the last part of a dump. Every message
  /// of the answer goes to `answer` (may be empty). EINTR: the tables changed during a dump; what came is to be thrown away.
  Status exchange(nlmsghdr& request, std::string_view doing, const Sink& answer = {});

 private:
  explicit Socket(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
  uint32_t sequence_ = 0;
};

}  // namespace postern::netlink
