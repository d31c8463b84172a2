// bridge_link.h - the links that a bridge network is made of: the bridge, and for each container a veth pair with one end on the
// bridge and the other in the container's network namespace. bridge(8), veth(4).
#pragma once

#include <string>

#include "postern/base/address.h"
#include "postern/base/result.h"
#include "postern/netlink/socket.h"

namespace postern::netlink {

struct NewBridge {
  std::string name;
  Mac mac;                    // fixed: without one, a bridge's is the least of its ports', and changes as they come and go
  unsigned mtu_bytes = 1500;  // fixed too, unless it is 1500: else it follows the least of the ports'
  std::string alias;          // at most 255 bytes
};

/// Makes a bridge without STP, whose ports carry frames at once. It is not raised. The result is the link's index; after an error
/// there is no bridge of ours. Errors: EEXIST if a link has that name; ERANGE for a name or an alias that is too long; EINVAL for
/// an MTU that it cannot have; EOPNOTSUPP where the kernel has no bridges; EPERM.
Result<int> add_bridge(Socket& socket, const NewBridge& bridge);

struct NewVeth {
  std::string name;           // of the end that stays here, whose MAC the kernel draws
  int master = 0;             // the link that this end becomes a port of; 0: none
  unsigned mtu_bytes = 1500;  // of both ends
  std::string peer_name;
  Mac peer_mac;
  int peer_namespace = -1;  // a descriptor of the network namespace where the other end is made, borrowed; -1: it stays here
};

/// Makes both ends in one request: all or nothing, and the peer is never seen in this namespace. Neither is raised. Errors:
/// EEXIST if either name is taken, in words that tell which; ERANGE for a name that is too long; EINVAL for a descriptor of
/// something else; EOPNOTSUPP where the kernel has no veth; EPERM, also in the other namespace.
Status add_veth(Socket& socket, const NewVeth& veth);

struct BridgePort {
  bool isolated = false;  // exchanges no frames with other isolated ports; Linux 4.18
  bool hairpin = false;   // a frame may leave by the port that it came in by
};

/// The link becomes a port of `bridge`; one that it already is, nothing changes. Errors: ENODEV; EBUSY; EPERM.
Status set_master(Socket& socket, int link_index, int bridge);

/// Errors: ENODEV; EOPNOTSUPP if the link is no port of a bridge; EPERM.
Status configure_bridge_port(Socket& socket, int link_index, const BridgePort& port);

}  // namespace postern::netlink
