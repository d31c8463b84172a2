// link.cpp - RTM_GETLINK, RTM_NEWLINK of a link that there is, and RTM_DELLINK.
#include "postern/netlink/link.h"

#include <fmt/format.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/random.h>

#include <algorithm>

#include "dump.h"
#include "message.h"

namespace postern::netlink {
namespace {

constexpr unsigned kLowerUp = 1 << 16;  // IFF_LOWER_UP of <linux/if.h>, which <net/if.h> does not go with

/// Of one octet.
bool is_set(const Attributes& attributes, uint16_t attribute) {
  const auto octets = attributes.bytes(attribute);
  return octets && octets->size() == 1 && octets->front() != std::byte{0};
}

bool is_tap(const Attributes& info) {
  const auto type = info.nested(IFLA_INFO_DATA).bytes(IFLA_TUN_TYPE);
  return type && type->size() == 1 && std::to_integer<int>(type->front()) == IFF_TAP;
}

/// Where it leads, and how it is.
void parse_relations(const ifinfomsg& header, const Attributes& attributes, Link& link) {
  const int peer = static_cast<int>(attributes.number(IFLA_LINK).value_or(0));
  const auto elsewhere = attributes.number(IFLA_LINK_NETNSID);
  if (elsewhere) link.peer_namespace = static_cast<int>(*elsewhere);
  if (elsewhere || peer != link.index) link.peer = peer;  // some kinds name themselves, which says nothing
  const auto state = attributes.bytes(IFLA_OPERSTATE);
  if (state && state->size() == 1) link.state = std::to_integer<uint8_t>(state->front());
  link.carrier = header.ifi_flags & kLowerUp;
  link.loopback = header.ifi_flags & IFF_LOOPBACK;
}

std::optional<Link> parse_link(const nlmsghdr& message) {
  const auto* header = header_of<ifinfomsg>(message);
  if (!header || message.nlmsg_type != RTM_NEWLINK) return std::nullopt;
  const auto attributes = Attributes::after(message, sizeof *header);
  Link link;
  link.index = header->ifi_index;
  link.up = header->ifi_flags & IFF_UP;
  link.name = attributes.text(IFLA_IFNAME).value_or("");
  link.mtu_bytes = attributes.number(IFLA_MTU).value_or(0);
  const Attributes info = attributes.nested(IFLA_LINKINFO);
  link.kind = info.text(IFLA_INFO_KIND).value_or("");
  link.tap = link.kind == "tun" && is_tap(info);
  if (info.text(IFLA_INFO_SLAVE_KIND) == "bridge") {
    const Attributes port = info.nested(IFLA_INFO_SLAVE_DATA);
    link.isolated = is_set(port, IFLA_BRPORT_ISOLATED);
    link.hairpin = is_set(port, IFLA_BRPORT_MODE);
  }
  link.master = static_cast<int>(attributes.number(IFLA_MASTER).value_or(0));
  link.alias = attributes.text(IFLA_IFALIAS).value_or("");
  parse_relations(*header, attributes, link);
  const auto mac = attributes.bytes(IFLA_ADDRESS);
  if (mac && mac->size() == link.mac.octets.size())
    std::ranges::transform(*mac, link.mac.octets.begin(), [](std::byte octet) { return std::to_integer<uint8_t>(octet); });
  return link;
}

/// A change of link `index`; `up` raises it, false leaves it as it is.
class LinkRequest : public Message {
 public:
  LinkRequest(int index, bool up) : Message(RTM_NEWLINK, 0) {
    auto& header = put_header<ifinfomsg>();
    header.ifi_index = index;
    if (up) header.ifi_flags = header.ifi_change = IFF_UP;
  }
};

Status set_eui64(Socket& socket, int index) {
  LinkRequest request(index, false);
  {
    Nest families(request, IFLA_AF_SPEC);
    Nest ipv6(request, AF_INET6);
    request.put_octet(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_EUI64);
  }
  const auto doing = fmt::format("make IPv6 addresses of link {} from its MAC", index);
  Status status = socket.exchange(request.get(), doing);
  if (!status && status.error().is(std::errc::address_family_not_supported))
    return within("is IPv6 off, or the MTU below 1280?", status.error());
  return status;
}

}  // namespace

Result<Link> find_link(Socket& socket, std::string_view name) {
  const auto doing = fmt::format("find link {}", name);
  if (name.size() >= IFNAMSIZ) return fail(std::errc::no_such_device, doing + ": names have at most 15 bytes");
  Message request(RTM_GETLINK, 0);
  request.put_header<ifinfomsg>();
  request.put_text(IFLA_IFNAME, std::string(name));
  std::optional<Link> link;
  const Status status = socket.exchange(request.get(), doing, [&](const nlmsghdr& message) { link = parse_link(message); });
  if (!status) return Failure(status.error());
  if (!link) return fail(std::errc::protocol_error, doing);
  return *std::move(link);
}

void append(const nlmsghdr& message, std::vector<Link>& table) {
  if (auto link = parse_link(message)) table.push_back(*std::move(link));
}

Result<std::vector<Link>> links(Socket& socket) { return dump<Link>(socket, RTM_GETLINK, "list links"); }

Status delete_link(Socket& socket, int link_index) {
  Message request(RTM_DELLINK, 0);
  request.put_header<ifinfomsg>().ifi_index = link_index;
  return socket.exchange(request.get(), fmt::format("delete link {}", link_index));
}

Status set_up(Socket& socket, int link_index) {
  LinkRequest request(link_index, true);
  return socket.exchange(request.get(), fmt::format("set link {} up", link_index));
}

Status configure_link(Socket& socket, int link_index, const LinkSettings& settings) {
  // A request of its own, and the first: within one, the kernel raises a link, which gives it its link-local address, before it
  // looks at how addresses are to be made (do_setlink in net/core/rtnetlink.c).
  if (settings.address_generation == LinkSettings::AddressGeneration::eui64) {
    if (Status status = set_eui64(socket, link_index); !status) return status;
  }
  LinkRequest request(link_index, settings.up);
  if (settings.mac) request.put(IFLA_ADDRESS, *settings.mac);
  if (settings.mtu_bytes) request.put(IFLA_MTU, *settings.mtu_bytes);
  if (settings.tx_queue_len) request.put(IFLA_TXQLEN, *settings.tx_queue_len);
  return socket.exchange(request.get(), fmt::format("configure link {}", link_index));
}

Result<Mac> random_mac() {
  Mac mac;
  if (::getrandom(mac.octets.data(), mac.octets.size(), 0) != static_cast<ssize_t>(mac.octets.size()))
    return fail_errno("getrandom");
  mac.octets[0] = static_cast<uint8_t>((mac.octets[0] | 2) & ~1);  // locally administered, individual
  return mac;
}

}  // namespace postern::netlink
