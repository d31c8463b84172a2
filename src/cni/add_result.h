// add_result.h - what ADD says it has made: CNI's result, as it is read from an IPAM plugin and from prevResult, and written.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "postern/bridge/network.h"

#include "version.h"

namespace postern::cni {

struct Dns {
  std::vector<std::string> nameservers;
  std::string domain;
  std::vector<std::string> search;
  std::vector<std::string> options;
  bool empty() const { return nameservers.empty() && domain.empty() && search.empty() && options.empty(); }
  bool operator==(const Dns&) const = default;
};

struct AddResult {
  struct Interface {
    std::string name;
    std::string mac;
    std::string sandbox = {};                // the namespace's path; empty: of the host
    std::optional<unsigned> mtu_bytes = {};  // since 1.1.0
    bool operator==(const Interface&) const = default;
  };
  struct Ip {
    bridge::Subnet address;  // an address and its prefix: `gateway` is the address here
    std::optional<IpAddress> gateway = {};
    std::optional<size_t> interface = {};  // which of `interfaces`
    bool operator==(const Ip&) const = default;
  };
  struct Route {
    bridge::Subnet destination;
    std::optional<IpAddress> gateway = {};
    bool operator==(const Route&) const = default;
  };

  std::vector<Interface> interfaces;
  std::vector<Ip> ips;
  std::vector<Route> routes;
  Dns dns;
  bool operator==(const AddResult&) const = default;
};

}  // namespace postern::cni
