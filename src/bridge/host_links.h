// host_links.h - the host's side: the bridge with its addresses, its settings under /proc/sys/net, and whether packets are
// forwarded.
#pragma once

#include "postern/bridge/bridge.h"
#include "postern/netlink/socket.h"

namespace postern::bridge {

/// By this IFLA_IFALIAS a bridge is known to be ours.
inline constexpr const char* kAlias = "postern network";

/// "pv" and twelve hexadecimal digits.
Result<std::string> new_host_interface();
bool is_host_interface(std::string_view name);

/// Makes the bridge, or what is missing of it: link, addresses, settings; raised. Errors: a link of that name is not ours.
Status make_bridge(netlink::Socket& socket, const Network& network);

/// That of the host's default route; 1500 without one.
unsigned default_mtu(netlink::Socket& socket);

/// Sees to it that the host forwards packets of the families. Errors, with `require`: it does not.
Status prepare_forwarding(netlink::Socket& socket, const NetworkSpec& spec, IpForward ip_forward);
/// Whether it does.
bool forwards(int family);

/// Whether bridged packets are led through the rules of IP (br_netfilter).
bool filters_bridged();

/// A setting under /proc/sys, as text without its newline; empty: there is none.
std::string read_setting(const std::string& path);

}  // namespace postern::bridge
