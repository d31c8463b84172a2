// network.h - what a bridge network and what hangs on it are: the nouns of this room, as they are asked for and as they are kept.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "postern/base/address.h"
#include "postern/base/result.h"

namespace postern::bridge {

/// A network by the address that the bridge has in it: 10.209.0.1/24, fd3b:..::1/64. What is connected has it as its gateway.
struct Subnet {
  IpAddress gateway;
  unsigned prefix_bits = 0;

  bool is_ipv4() const { return std::holds_alternative<Ipv4>(gateway); }
  bool contains(const IpAddress& address) const;
  /// "10.209.0.0/24": the network itself.
  std::string network() const;
  bool operator==(const Subnet&) const = default;
};

/// What a container can be reached by from other bridge networks: its published ports; nothing, and it reaches none of theirs;
/// directly, by whoever is open too.
enum class Isolation { published, full, open };
enum class InterContainer { allowed, blocked };  // Docker's icc
enum class Egress { everywhere, nowhere };       // nowhere: an internal network
enum class Masquerade { on, off };

/// What is asked for by `bridge up`.
struct NetworkSpec {
  std::string name;             // and the bridge's: at most 15 of [A-Za-z0-9_.-], the first no dash or dot
  std::vector<Subnet> subnets;  // none: one of IPv4 that is free
  bool ipv6 = false;            // an IPv6 network too, chosen (RFC 4193), where `subnets` has none
  Egress egress = Egress::everywhere;
  Isolation isolation = Isolation::published;
  InterContainer inter_container = InterContainer::allowed;
  Masquerade masquerade = Masquerade::on;
  std::optional<unsigned> mtu_bytes;    // nothing: that of the host's default route
  std::optional<std::string> external;  // the only link of the host by which packets may leave
  bool names = true;                    // a DNS server at the gateway
  bool needs_forwarding = true;         // false: whether the host forwards is somebody else's matter (--ip-forward never)
  bool operator==(const NetworkSpec&) const = default;
};

/// What became of it.
struct Network {
  NetworkSpec spec;  // subnets and MTU as chosen
  Mac mac;           // the bridge's, fixed
  bool operator==(const Network&) const = default;
};

enum class Protocol : uint8_t { tcp, udp };

/// Ports first..last of the host lead, one to one, to as many of the container from `container_first` on.
struct PortRange {
  Protocol protocol = Protocol::tcp;
  /// Nothing: every address of the host, of both families. 0.0.0.0: every IPv4 address of it; [::]: every IPv6 address.
  std::optional<IpAddress> host_address;
  Port first, last;
  Port container_first;

  size_t count() const { return static_cast<size_t>(last.number - first.number) + 1; }
  /// "8080-8089:80-89/tcp", "127.0.0.1:8080:80/tcp", "[::1]:53:53/udp"
  std::string to_string() const;
  auto operator<=>(const PortRange&) const = default;
};

/// Which network namespace: the path by which it was named (/proc/PID/ns/net, /run/netns/NAME), and what stood there.
struct NamespaceId {
  std::string path;
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const NamespaceId&) const = default;
};

/// What is asked for by `bridge attach`.
struct EndpointSpec {
  std::string network;
  std::string id;  // whose it is: [A-Za-z0-9_.-], at most 128; empty: "ns-" and the namespace's inode
  std::string namespace_path;
  std::string interface = "eth0";    // inside
  std::vector<IpAddress> addresses;  // at most one a family; none: the next that is free
  std::optional<Mac> mac;
  std::vector<std::string> names;  // by which others of the network find it
  std::vector<PortRange> ports;
  std::string owner;  // who made it and will take it away, in its own words ("cni NAME"): nobody else tidies it up
};

/// What became of it.
struct Endpoint {
  std::string network;
  std::string id;
  NamespaceId target;
  std::string interface;       // inside
  std::string host_interface;  // the other end, a port of the bridge
  Mac mac;
  std::vector<Subnet> addresses;  // its own: address and prefix; `gateway` is the container's address here
  std::vector<std::string> names;
  std::vector<PortRange> ports;
  std::string owner;
  bool operator==(const Endpoint&) const = default;
};

}  // namespace postern::bridge
