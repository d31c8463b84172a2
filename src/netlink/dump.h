// dump.h - a whole table of the kernel's, read until it was read undisturbed.
#pragma once

#include <linux/rtnetlink.h>

#include <string_view>
#include <vector>

#include "postern/netlink/address.h"
#include "postern/netlink/link.h"
#include "postern/netlink/neighbour.h"
#include "postern/netlink/route.h"
#include "postern/netlink/rule.h"
#include "postern/netlink/socket.h"

#include "message.h"

namespace postern::netlink {

/// `type`: RTM_GETADDR, RTM_GETLINK, RTM_GETNEIGH, RTM_GETROUTE, RTM_GETRULE. AF_UNSPEC asks for all families, a kernel without
/// IPv6 included.
class DumpRequest : public Message {
 public:
  DumpRequest(uint16_t type, int family) : Message(type, NLM_F_DUMP) {
    put_header<rtgenmsg>().rtgen_family = static_cast<unsigned char>(family);
  }
};

/// What a message says, added to the table; nothing if it is not an entry of that table. In the file of that entry.
void append(const nlmsghdr& message, std::vector<Address>& table);
void append(const nlmsghdr& message, std::vector<Link>& table);
void append(const nlmsghdr& message, std::vector<Neighbour>& table);
void append(const nlmsghdr& message, std::vector<Route>& table);
void append(const nlmsghdr& message, std::vector<Rule>& table);

template <class Entry>
Result<std::vector<Entry>> dump(Socket& socket, uint16_t type, std::string_view doing) {
  constexpr int kAttempts = 10;  // a table that changes during each of these changes all the time
  for (int attempt = 1;; ++attempt) {
    std::vector<Entry> table;
    DumpRequest request(type, AF_UNSPEC);
    const Status status = socket.exchange(request.get(), doing, [&](const nlmsghdr& message) { append(message, table); });
    if (status) return table;
    if (!status.error().is(std::errc::interrupted) || attempt == kAttempts) return Failure(status.error());
  }
}

}  // namespace postern::netlink
