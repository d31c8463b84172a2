#include "attachment.h"

#include <algorithm>
#include <array>

#include "postern/bridge/host_name.h"

namespace postern::cni {

namespace {

// Where each stands in `interfaces`; `ips` point to the last.
constexpr size_t kContainer = 2;

const bridge::Subnet* subnet_of(const bridge::Network& network, const IpAddress& address) {
  const auto& subnets = network.spec.subnets;
  const auto found = std::find_if(subnets.begin(), subnets.end(), [&](const auto& subnet) { return subnet.contains(address); });
  return found == subnets.end() ? nullptr : &*found;
}

bool is_gateway(const NetworkWish& wish, const IpAddress& address) {
  return std::any_of(wish.subnets.begin(), wish.subnets.end(), [&](const auto& subnet) { return subnet.gateway == address; });
}

std::vector<AddResult::Interface> interfaces_of(const Made& made, const std::string& netns) {
  const bridge::NetworkSpec& spec = made.network.spec;
  return {{spec.name, made.network.mac.to_string(), "", spec.mtu_bytes},
          {made.endpoint.host_interface, made.host_mac ? made.host_mac->to_string() : "", "", spec.mtu_bytes},
          {made.endpoint.interface, made.endpoint.mac.to_string(), netns, spec.mtu_bytes}};
}

/// The default routes that the engine has made, and the IPAM plugin's others, which lead the same way.
std::vector<AddResult::Route> routes_of(const AddResult& result, const AddResult& chosen) {
  std::vector<AddResult::Route> routes;
  for (const AddResult::Ip& ip : result.ips) {
    if (!ip.gateway) continue;
    const IpAddress anywhere = ip.address.is_ipv4() ? IpAddress(Ipv4{}) : IpAddress(Ipv6{});
    routes.push_back({{anywhere, 0}, ip.gateway});
  }
  for (const AddResult::Route& route : chosen.routes) {
    if (route.destination.prefix_bits > 0) routes.push_back(route);
  }
  return routes;
}

Dns dns_of(const Made& made, const Configuration& configuration, const AddResult& chosen) {
  if (!configuration.dns.empty()) return configuration.dns;
  if (!chosen.dns.empty() || !made.network.spec.names) return chosen.dns;
  Dns dns;
  for (const bridge::Subnet& subnet : made.network.spec.subnets) dns.nameservers.push_back(postern::to_string(subnet.gateway));
  return dns;
}

}  // namespace

std::string owner_of(const Configuration& configuration) { return "cni " + configuration.name; }

NetworkWish wish_for(const Configuration& configuration, const AddResult& chosen) {
  NetworkWish wish = configuration.network;
  for (const AddResult::Ip& ip : chosen.ips) {
    const auto known = [&](const bridge::Subnet& subnet) { return subnet.contains(ip.address.gateway); };
    if (std::any_of(wish.subnets.begin(), wish.subnets.end(), known)) continue;
    wish.subnets.push_back(network_around(ip.address, ip.gateway));
  }
  return wish;
}

Outcome<bridge::EndpointSpec> endpoint_for(const Call& call, const NetworkWish& wish, const AddResult& chosen) {
  const Configuration& configuration = call.configuration;
  bridge::EndpointSpec spec;
  spec.network = wish.bridge;
  spec.id = call.arguments.container_id;
  spec.namespace_path = call.arguments.netns;
  spec.interface = call.arguments.interface;
  spec.owner = owner_of(configuration);
  spec.mac = configuration.mac ? configuration.mac : call.arguments.mac;
  spec.names = configuration.names;
  if (bridge::is_host_name(call.arguments.pod_name)) spec.names.insert(spec.names.begin(), call.arguments.pod_name);
  spec.ports = configuration.ports;
  if (configuration.ipam) {
    for (const AddResult::Ip& ip : chosen.ips) spec.addresses.push_back(ip.address.gateway);
  } else if (!configuration.addresses.empty()) {
    spec.addresses = configuration.addresses;
  } else if (call.arguments.address) {
    spec.addresses = {*call.arguments.address};
  }
  for (const AddResult::Route& route : chosen.routes) {
    if (!route.gateway || is_gateway(wish, *route.gateway)) continue;
    return refuse(Code::unsupported_field, "a route of the IPAM plugin leads by " + postern::to_string(*route.gateway),
                  "the only gateway is the bridge, by its address in the network");
  }
  return spec;
}

AddResult result_of(const Made& made, const Call& call, const AddResult& chosen) {
  const bool internal = made.network.spec.egress == bridge::Egress::nowhere;
  AddResult result;
  result.interfaces = interfaces_of(made, call.arguments.netns);
  for (const bridge::Subnet& own : made.endpoint.addresses) {
    const bridge::Subnet* const subnet = subnet_of(made.network, own.gateway);
    result.ips.push_back({own, subnet ? std::optional(subnet->gateway) : std::nullopt, kContainer});
  }
  if (!internal) result.routes = routes_of(result, chosen);
  result.dns = dns_of(made, call.configuration, chosen);
  return result;
}

std::optional<std::string> deviation(const bridge::Endpoint& endpoint, const AddResult& previous) {
  struct Wanted {
    const std::string& name;
    bool inside;
  };
  for (const Wanted& wanted :
       {Wanted{endpoint.network, false}, Wanted{endpoint.host_interface, false}, Wanted{endpoint.interface, true}}) {
    const auto is_it = [&](const AddResult::Interface& interface) {
      return interface.name == wanted.name && interface.sandbox.empty() != wanted.inside;
    };
    if (std::none_of(previous.interfaces.begin(), previous.interfaces.end(), is_it)) {
      return "prevResult lacks interface " + wanted.name + (wanted.inside ? " in the container" : "");
    }
  }
  for (const bridge::Subnet& own : endpoint.addresses) {
    const auto is_it = [&](const AddResult::Ip& ip) { return ip.address == own; };
    if (std::none_of(previous.ips.begin(), previous.ips.end(), is_it)) return "prevResult lacks address " + to_string(own);
  }
  return std::nullopt;
}

}  // namespace postern::cni
