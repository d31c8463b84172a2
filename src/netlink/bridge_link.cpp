// bridge_link.cpp - RTM_NEWLINK of links that there were not, and RTM_SETLINK of a bridge's port.
#include "postern/netlink/bridge_link.h"

#include <fmt/format.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include "postern/netlink/link.h"

#include "message.h"

namespace postern::netlink {
namespace {

constexpr size_t kLongestAlias = 255;  // IFALIASZ of the kernel, less its NUL

/// The kernel would refuse them too, but a Message has no room for any length.
Status check_length(std::string_view text, size_t longest, std::string_view what) {
  if (text.size() <= longest) return {};
  return fail(std::errc::result_out_of_range, fmt::format("{} has {} bytes, more than {}", what, text.size(), longest));
}

Status check_name(std::string_view name) { return check_length(name, IFNAMSIZ - 1, "the name of a link"); }

Status make_bridge(Socket& socket, const NewBridge& bridge, const std::string& doing) {
  Message request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  request.put_header<ifinfomsg>();
  request.put_text(IFLA_IFNAME, bridge.name);
  request.put(IFLA_ADDRESS, bridge.mac);
  {
    Nest info(request, IFLA_LINKINFO);
    request.put_text(IFLA_INFO_KIND, "bridge");
    Nest data(request, IFLA_INFO_DATA);
    request.put(IFLA_BR_FORWARD_DELAY, 0);
    request.put(IFLA_BR_STP_STATE, 0);
  }
  return socket.exchange(request.get(), doing);
}

/// What the kernel does not take from the request that makes the link: it ignores an alias there, and forgets that the MTU was
/// somebody's wish (BROPT_MTU_SET_BY_USER in net/bridge/br_device.c), which is what keeps it from following the ports'.
Status complete_bridge(Socket& socket, int link_index, const NewBridge& bridge, const std::string& doing) {
  Message request(RTM_NEWLINK, 0);
  request.put_header<ifinfomsg>().ifi_index = link_index;
  request.put(IFLA_MTU, bridge.mtu_bytes);
  if (!bridge.alias.empty()) request.put_bare_text(IFLA_IFALIAS, bridge.alias);
  return socket.exchange(request.get(), doing);
}

void put_peer(Message& request, const NewVeth& veth) {
  Nest info(request, IFLA_LINKINFO);
  request.put_text(IFLA_INFO_KIND, "veth");
  Nest data(request, IFLA_INFO_DATA);
  Nest peer(request, VETH_INFO_PEER);
  request.put_header<ifinfomsg>();
  request.put_text(IFLA_IFNAME, veth.peer_name);
  request.put(IFLA_ADDRESS, veth.peer_mac);
  request.put(IFLA_MTU, veth.mtu_bytes);
  if (veth.peer_namespace >= 0) request.put(IFLA_NET_NS_FD, static_cast<uint32_t>(veth.peer_namespace));
}

/// The kernel says no more than EEXIST: whose name it was is seen by looking for our own.
Failure name_taken(Socket& socket, const NewVeth& veth, Error error) {
  const bool own = find_link(socket, veth.name).has_value();
  error.context += fmt::format(": {} is taken{}", own ? veth.name : veth.peer_name,
                               own || veth.peer_namespace < 0 ? "" : " in the other namespace");
  return Failure(std::move(error));
}

}  // namespace

Result<int> add_bridge(Socket& socket, const NewBridge& bridge) {
  const auto doing = fmt::format("add bridge {:.15}", bridge.name);
  POSTERN_CHECK(check_name(bridge.name), doing);
  POSTERN_CHECK(check_length(bridge.alias, kLongestAlias, "the alias"), doing);
  if (Status status = make_bridge(socket, bridge, doing); !status) return Failure(status.error());
  POSTERN_TRY(link, find_link(socket, bridge.name), doing);
  if (Status status = complete_bridge(socket, link.index, bridge, doing); !status) {
    (void)delete_link(socket, link.index);  // the first error is the one to tell
    return Failure(status.error());
  }
  return link.index;
}

Status add_veth(Socket& socket, const NewVeth& veth) {
  const auto doing = fmt::format("add link {:.15} with peer {:.15}", veth.name, veth.peer_name);
  POSTERN_CHECK(check_name(veth.name), doing);
  POSTERN_CHECK(check_name(veth.peer_name), doing);
  Message request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  request.put_header<ifinfomsg>();
  request.put_text(IFLA_IFNAME, veth.name);
  request.put(IFLA_MTU, veth.mtu_bytes);
  if (veth.master != 0) request.put(IFLA_MASTER, static_cast<uint32_t>(veth.master));
  put_peer(request, veth);
  Status status = socket.exchange(request.get(), doing);
  if (!status && status.error().is(std::errc::file_exists)) return name_taken(socket, veth, status.error());
  return status;
}

Status set_master(Socket& socket, int link_index, int bridge) {
  Message request(RTM_NEWLINK, 0);
  request.put_header<ifinfomsg>().ifi_index = link_index;
  request.put(IFLA_MASTER, static_cast<uint32_t>(bridge));
  return socket.exchange(request.get(), fmt::format("make link {} a port of link {}", link_index, bridge));
}

Status configure_bridge_port(Socket& socket, int link_index, const BridgePort& port) {
  Message request(RTM_SETLINK, 0);
  auto& header = request.put_header<ifinfomsg>();
  header.ifi_family = AF_BRIDGE;
  header.ifi_index = link_index;
  {
    Nest settings(request, IFLA_PROTINFO);
    request.put_octet(IFLA_BRPORT_ISOLATED, port.isolated);
    request.put_octet(IFLA_BRPORT_MODE, port.hairpin);
  }
  return socket.exchange(request.get(), fmt::format("configure bridge port {}", link_index));
}

}  // namespace postern::netlink
