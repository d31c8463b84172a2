// transport.h - datagrams to and from the kernel. libmnl's own receive does not tell who sent a datagram, and inside a namespace
// that is not ours anybody with CAP_NET_ADMIN may send to our socket: we look, netlink(7).
#pragma once

#include <libmnl/libmnl.h>
#include <linux/netlink.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

#include "message.h"

namespace postern::netlink {

/// As large as the kernel makes a part of a dump at most (netlink_recvmsg in net/netlink/af_netlink.c).
struct alignas(nlmsghdr) Datagram {
  std::array<std::byte, 32768> bytes;
};

/// An rtnetlink socket of the calling thread's network namespace that hears the multicast `groups` (RTMGRP_..., 0 for none) and
/// gets extended acknowledgements. `flags`: SOCK_NONBLOCK or 0.
Result<UniqueFd> open_transport(uint32_t groups, int flags);

/// Sends `request` as number `sequence`.
Status send_request(const UniqueFd& socket, nlmsghdr& request, uint32_t sequence);

/// The next datagram of the kernel's. Errors: EAGAIN (a non-blocking socket has none), ENOBUFS (some were lost), EMSGSIZE.
Result<Bytes> receive(const UniqueFd& socket, Datagram& buffer);

/// Calls `each` for the messages in `datagram` while it returns a Status of success; what is cut short is not a message.
template <class Each>
Status for_each_message(Bytes datagram, Each each) {
  int left = static_cast<int>(datagram.size());
  const auto* message = reinterpret_cast<const nlmsghdr*>(datagram.data());
  for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
    if (Status status = each(*message); !status) return status;
  }
  return {};
}

}  // namespace postern::netlink
