// namespace_view.h - a network namespace's whole stack, as data: what text, JSON and the page show.
//
// Names of devices, programs and tables, aliases and the texts of rules are as whoever made them wrote them: any bytes. What
// shows them makes them harmless for where it shows them. Addresses, numbers and the kernel's words are ours.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace postern::inspect {

struct Program {
  pid_t pid = 0;
  std::string name;
};

/// A device somewhere: the other end of a veth, the device that a VLAN rides on.
struct DeviceElsewhere {
  ino_t netns = 0;             // 0: in a namespace that cannot be seen
  std::string namespace_name;  // netns::short_name(); empty where `netns` is 0
  int index = 0;
  std::string name;  // empty: not known
};

struct AddressView {
  std::string address;  // "192.0.2.1/24"
  std::string scope;    // "global", "link", "host"
  bool tentative = false, deprecated = false;
};

struct DeviceView {
  int index = 0;
  std::string name;
  std::string kind;  // "veth", "bridge", "tun", "tap", "vlan", ...; "loopback"; empty: hardware
  std::string alias;
  bool up = false;    // what was asked for
  std::string state;  // RFC 2863 as ip-link(8) says it: "up", "down", "lowerlayerdown", "unknown", ...
  bool carrier = false;
  unsigned mtu_bytes = 0;
  std::string mac;     // empty: it has none
  std::string master;  // the bridge (bond, VRF) that it is a port of; empty: none
  std::vector<AddressView> addresses;
  std::optional<DeviceElsewhere> peer;  // of a veth: the other end; of a VLAN, macvlan, ...: what it rides on
  std::vector<Program> holders;         // of a TUN or TAP: who has it open, as far as that is readable
};

struct RouteView {
  int family = 0;           // AF_INET, AF_INET6
  std::string destination;  // "default", "10.0.0.0/8"
  std::string gateway;      // empty: on the link
  std::string device;       // empty: none
  std::string table;        // "main", "local", "default", or a number
  std::string type;         // "unicast", "unreachable", "blackhole", "prohibit", "throw", ...
  std::string protocol;     // who made it: "kernel", "boot", "static", "ra", "dhcp", or a number
  std::string source;       // the address that the host's own packets take by it; empty: it does not say
  uint32_t metric = 0;
};

struct RuleView {  // ip-rule(8), beyond the three (IPv6: two) that every namespace begins with
  int family = 0;
  uint32_t priority = 0;
  std::string selector;  // "from 10.0.0.0/8 fwmark 0x1"
  std::string action;    // "lookup 100", "blackhole", ...
};

struct NeighbourView {
  std::string address, device, mac, state;  // "reachable", "stale", "failed", ...; mac empty: not known
};

struct ListenerView {
  std::string protocol;  // "tcp", "udp"
  std::string address;   // "0.0.0.0", "::", ...
  uint16_t port = 0;
  std::vector<Program> programs;  // who has it open, as far as that is readable
};

struct ChainView {  // of nftables: a base chain, or one that rules of a base chain lead to
  std::string family, table, name;
  std::string hook, type, policy, device;  // empty where it is no base chain, or has none
  int priority = 0;
  std::vector<std::string> rules;  // in nft(8)'s words, the first of them
  size_t rules_left_off = 0;
};

struct NamespaceView {
  ino_t inode = 0;
  std::string name;                // netns::short_name()
  std::vector<std::string> names;  // all it is called
  std::optional<Program> resident;
  bool is_own = false, is_host = false;

  std::vector<DeviceView> devices;  // by index
  std::vector<RouteView> routes;    // by family, table, then as the kernel lists them
  std::vector<RuleView> rules;
  std::vector<NeighbourView> neighbours;
  std::vector<ListenerView> listeners;
  std::vector<ChainView> chains;
  size_t chains_left_off = 0;
  std::vector<std::pair<std::string, std::string>> sysctls;  // "net.ipv4.ip_forward", "1": those there are
  std::optional<uint64_t> connections;                       // that conntrack remembers
  std::optional<uint64_t> most_connections;

  /// What could not be read, and why, a line each: never left out in silence.
  std::vector<std::string> unread;
};

}  // namespace postern::inspect
