// neighbour.cpp - RTM_GETNEIGH.
#include "postern/netlink/neighbour.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <algorithm>

#include "dump.h"

namespace postern::netlink {

void append(const nlmsghdr& message, std::vector<Neighbour>& table) {
  const auto* header = header_of<ndmsg>(message);
  if (!header || message.nlmsg_type != RTM_NEWNEIGH || header->ndm_state & NUD_NOARP) return;
  const auto attributes = Attributes::after(message, sizeof *header);
  const auto address = attributes.address(NDA_DST);
  if (!address) return;  // of a protocol that is not ours to know
  Neighbour neighbour{.link_index = header->ndm_ifindex, .address = *address, .mac = {}, .state = header->ndm_state};
  const auto octets = attributes.bytes(NDA_LLADDR);
  if (octets && octets->size() == Mac().octets.size()) {
    neighbour.mac.emplace();
    std::ranges::transform(*octets, neighbour.mac->octets.begin(),
                           [](std::byte octet) { return std::to_integer<uint8_t>(octet); });
  }
  table.push_back(neighbour);
}

Result<std::vector<Neighbour>> neighbours(Socket& socket) { return dump<Neighbour>(socket, RTM_GETNEIGH, "list neighbours"); }

}  // namespace postern::netlink
