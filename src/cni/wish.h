// wish.h - which network a configuration means, and what it asks of it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postern/bridge/bridge.h"

namespace postern::cni {

/// What the configuration says of the network, and no more: a network that is there already is taken as it is, unless it
/// contradicts.
struct NetworkWish {
  std::string bridge = {};
  std::vector<bridge::Subnet> subnets = {};
  bridge::IpForward ip_forward = bridge::IpForward::automatic;
  std::optional<bool> ipv6 = {};
  std::optional<bridge::Egress> egress = {};
  std::optional<bridge::Isolation> isolation = {};
  std::optional<bridge::InterContainer> inter_container = {};
  std::optional<bridge::Masquerade> masquerade = {};
  std::optional<unsigned> mtu_bytes = {};
  std::optional<std::string> external = {};
  std::optional<bool> names = {};

  /// With the engine's defaults for what is not said.
  bridge::NetworkSpec spec() const;
  /// What of it `network` is not, by its key: "subnets"; nothing: all is as it should be.
  std::optional<std::string> contradiction(const bridge::Network& network) const;
};

/// A bridge has a name of 15 bytes at most, a network of CNI any: one that does not fit becomes its beginning and a hash of all
/// of it, the same on every host and for ever.
std::string bridge_name(std::string_view network);
bool is_bridge_name(std::string_view name);

/// "10.88.0.5/24", and without a prefix length that of one address.
std::optional<bridge::Subnet> parse_address(std::string_view text);
/// "10.88.0.0/24": the gateway is its first address; "10.88.0.254/24": it is that one.
std::optional<bridge::Subnet> parse_subnet(std::string_view text);
/// The network around an address, with that gateway or its first address.
bridge::Subnet network_around(const bridge::Subnet& address, const std::optional<IpAddress>& gateway);
/// "10.88.0.5/24": the address, not the network.
std::string to_string(const bridge::Subnet& address);

/// Ports one behind the other as the ranges that they are: each range is one element of a map in the kernel. What stands there
/// twice stands there once.
std::vector<bridge::PortRange> folded(std::vector<bridge::PortRange> ports);

}  // namespace postern::cni
