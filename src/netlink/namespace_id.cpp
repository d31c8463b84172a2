// namespace_id.cpp - RTM_GETNSID.
#include "postern/netlink/namespace_id.h"

#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include "message.h"

namespace postern::netlink {

Result<std::optional<int>> namespace_id(Socket& socket, int network) {
  Message request(RTM_GETNSID, 0);
  request.put_header<rtgenmsg>();
  request.put(NETNSA_FD, static_cast<uint32_t>(network));
  std::optional<int> id;
  const Status status = socket.exchange(request.get(), "ask for the id of a namespace", [&](const nlmsghdr& message) {
    if (message.nlmsg_type != RTM_NEWNSID) return;
    const auto number = Attributes::after(message, sizeof(rtgenmsg)).number(NETNSA_NSID);
    if (number && static_cast<int>(*number) >= 0) id = static_cast<int>(*number);  // NETNSA_NSID_NOT_ASSIGNED is -1
  });
  if (!status) return Failure(status.error());
  return id;
}

}  // namespace postern::netlink
