// link.h - the devices of a network namespace: find one, set it, raise it, take it away. ip-link(8) in a function each; those
// that make some are in bridge_link.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postern/base/address.h"
#include "postern/base/result.h"
#include "postern/netlink/socket.h"

namespace postern::netlink {

struct Link {
  int index = 0;
  std::string name;
  Mac mac;  // all zero where a device has none of six octets (a tun, a tunnel)
  unsigned mtu_bytes = 0;
  bool up = false;        // IFF_UP: what was asked for, not whether there is a carrier
  std::string kind;       // "veth", "tun" (also of a TAP), "bridge"; empty for lo and hardware
  int master = 0;         // the link of the bridge (bond, VRF) that this one is a port of; 0: none
  bool isolated = false;  // as a port of a bridge: BridgePort of bridge_link.h
  bool hairpin = false;   // likewise
  std::string alias;      // a free text of whoever made it, at most 255 bytes; empty: none
  int peer = 0;           // a veth's other end, or the link that a VLAN rides on: its index in its own namespace; 0: none
  std::optional<int> peer_namespace;  // in which namespace that is, by namespace_id.h; none: in this one
  uint8_t state = 0;                  // RFC 2863 ifOperStatus as linux/if.h has it: IF_OPER_UP, IF_OPER_UNKNOWN, ...
  bool carrier = false;               // there is somebody at the other end
  bool loopback = false;              // IFF_LOOPBACK
  bool tap = false;                   // of kind "tun": one of Ethernet frames
};

/// Every link of the namespace.
Result<std::vector<Link>> links(Socket& socket);

/// Errors: ENODEV if no link has that name or alternative name.
Result<Link> find_link(Socket& socket, std::string_view name);

/// Takes the link out of the world, and a veth's other end with it, wherever that is. Errors: ENODEV if it is gone; EOPNOTSUPP
/// for one that nobody made (lo, hardware); EPERM.
Status delete_link(Socket& socket, int link_index);

/// Errors: ENODEV; EPERM without CAP_NET_ADMIN in the user namespace that owns the socket's network namespace.
Status set_up(Socket& socket, int link_index);

struct LinkSettings {
  /// How the kernel makes the interface identifier of IPv6 addresses of its own: as net.ipv6.conf.*.addr_gen_mode says, or
  /// from the MAC (RFC 4291 appendix A), so that it is known beforehand: base's slaac_address().
  enum class AddressGeneration { kernel_default, eui64 };

  std::optional<unsigned> mtu_bytes;
  std::optional<Mac> mac;
  std::optional<unsigned> tx_queue_len;  // packets
  AddressGeneration address_generation = AddressGeneration::kernel_default;
  bool up = false;  // false leaves it as it is
};

/// What is not set stays as it is. Errors as set_up(); EINVAL for an MTU the device cannot have; EAFNOSUPPORT for `eui64` where
/// IPv6 is off in the kernel or for this link (its MTU is below 1280): nothing has been changed then.
Status configure_link(Socket& socket, int link_index, const LinkSettings& settings);

/// A MAC for a link of ours: locally administered, individual, else as the kernel's random numbers have it. Errors:
/// getrandom(2)'s.
Result<Mac> random_mac();

}  // namespace postern::netlink
