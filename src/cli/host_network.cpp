#include "host_network.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>

#include "postern/base/log.h"
#include "postern/dns/dns_relay.h"
#include "postern/forward/splicer.h"
#include "postern/netlink/link.h"
#include "postern/netlink/source_address.h"
#include "postern/process/inheritance.h"

namespace postern::cli {

namespace {

constexpr unsigned kDefaultMtu = 65'520;  // as many bytes as one IP packet and a page may hold
constexpr unsigned kDefaultMtuOfLibslirp = 16'384;
constexpr unsigned kStallingMtu = 32'768;  // libslirp: a window below one segment waits for the 5 s persist timer
constexpr size_t kMostFlows = 16'384;
constexpr size_t kSpareDescriptors = 64;  // for everything that is no flow

Result<IpAddress> outbound(const std::string& text, int family) {
  if (const auto address = parse_ip(text)) {
    if (!netlink::check_source_address(*address)) return fail("the host has no such address");
    return *address;
  }
  POSTERN_TRY(socket, netlink::Socket::open(), "outbound address");
  return netlink::address_of_link(socket, text, family);
}

Status choose_outbound(const NetworkOptions& options, stack::StackConfig& config) {
  if (options.outbound4) {
    POSTERN_TRY(address, outbound(*options.outbound4, AF_INET), "--outbound-addr " + *options.outbound4);
    config.outbound4 = std::get<Ipv4>(address);
  }
  if (options.outbound6) {
    POSTERN_TRY(address, outbound(*options.outbound6, AF_INET6), "--outbound-addr6 " + *options.outbound6);
    config.outbound6 = std::get<Ipv6>(address);
  }
  return {};
}

/// Of `all` descriptors, beside `others`; where those would take more than half, half.
size_t what_is_left(size_t all, size_t others) { return all > 2 * others ? all - others : all / 2; }

Result<size_t> choose_max_flows(const NetworkOptions& options, PublishSource source) {
  const size_t limit = process::raise_file_limit();
  size_t others = kSpareDescriptors;  // and a listener for each published port
  if (source != PublishSource::gateway) others += forward::Splicer::kMostOwnDescriptors;
  for (const forward::PortSpec& spec : options.publish) others += spec.count();
  const bool asks = options.engine == relay::Engine::fast && options.dns == stack::Dns::redirected;
  const auto of_queries = [asks](size_t flows) { return asks ? dns::DnsRelay::sockets_beside(flows) : 0; };
  const size_t rest = what_is_left(limit, others), possible = what_is_left(rest, of_queries(rest));
  if (!options.max_flows) return std::min(possible, kMostFlows);
  const size_t wanted = *options.max_flows + of_queries(*options.max_flows);
  if (wanted <= rest) return *options.max_flows;
  return fail(fmt::format("--max-flows {}: the limit on open files allows {} (raise it: ulimit -n {})", *options.max_flows,
                          possible, wanted + others));
}

/// Whoever publishes nothing at first is spared the helper that splicing needs; ports that come later then go by the TAP.
PublishSource choose_publish_source(const NetworkOptions& options) {
  const bool publishes_tcp = std::any_of(options.publish.begin(), options.publish.end(),
                                         [](const forward::PortSpec& spec) { return spec.protocol == stack::Protocol::tcp; });
  const bool can_splice = options.engine == relay::Engine::fast;
  return options.publish_source.value_or(can_splice && publishes_tcp ? PublishSource::namespace_address : PublishSource::gateway);
}

/// The host's routes, of which there may be a million, if a choice is left to them; else none.
Result<std::vector<netlink::Route>> needed_routes(const NetworkOptions& options, unsigned mtu_bytes) {
  const bool decide_ipv6 = options.ipv6 == Choice::automatic && mtu_bytes >= stack::kLeastMtu6;
  if (options.cidr && !decide_ipv6) return std::vector<netlink::Route>();
  POSTERN_TRY(socket, netlink::Socket::open(), "read the host's routes");
  POSTERN_TRY(routes, netlink::routes(socket), "read the host's routes");
  return routes;
}

bool choose_ipv6(const NetworkOptions& options, unsigned mtu_bytes, std::span<const netlink::Route> routes) {
  if (options.ipv6 != Choice::automatic) return options.ipv6 == Choice::on;
  return mtu_bytes >= stack::kLeastMtu6 && netlink::has_default_route(routes, AF_INET6);
}

/// Inside, an address of the virtual network is not the host's, even where the host has the same.
bool is_virtual(const IpAddress& address, const VirtualNetwork& network) {
  if (const auto* v4 = std::get_if<Ipv4>(&address)) return network.stack.addresses.network.contains(*v4);
  const auto& octets = std::get<Ipv6>(address).octets;
  return std::equal(octets.begin(), octets.begin() + 8, stack::AddressPlan::prefix6().octets.begin());
}

}  // namespace

std::optional<Ipv6> VirtualNetwork::guest6() const {
  if (!stack.ipv6) return std::nullopt;
  return slaac_address(stack::AddressPlan::prefix6(), mac);
}

Result<Cidr4> first_free_network(std::span<const netlink::Route> routes) {
  for (uint8_t third = 2; third != 0; ++third) {  // 10.0.2.0/24 to 10.0.255.0/24
    const Cidr4 candidate = *Cidr4::make(Ipv4::of(10, 0, third, 0), 24);
    const bool taken = std::any_of(routes.begin(), routes.end(), [&](const netlink::Route& route) {
      const auto network = route.network4();
      return network && !route.is_default() && network->overlaps(candidate);
    });
    if (!taken) return candidate;
  }
  return fail(
      "every network from 10.0.2.0/24 to 10.0.255.0/24 overlaps a route of the host (choose one: --cidr 192.168.127.0/24)");
}

Result<VirtualNetwork> choose_network(const NetworkOptions& options) {
  VirtualNetwork network;
  network.engine = options.engine;
  network.stack.mtu_bytes =
      options.mtu_bytes.value_or(options.engine == relay::Engine::fast ? kDefaultMtu : kDefaultMtuOfLibslirp);
  const auto routes = needed_routes(options, network.stack.mtu_bytes);
  if (!routes) return Failure(routes.error());
  const auto cidr = options.cidr ? Result<Cidr4>(*options.cidr) : first_free_network(*routes);
  if (!cidr) return Failure(cidr.error());
  network.stack.addresses.network = *cidr;
  network.stack.ipv6 = choose_ipv6(options, network.stack.mtu_bytes, *routes);
  network.stack.host_loopback = options.host_loopback;
  network.host_reach = options.host_reach;
  network.publish_source = choose_publish_source(options);
  network.publish_source_is_typed = options.publish_source.has_value();
  network.stack.reach = options.reach;
  network.datagrams = options.datagrams;
  network.stack.dns = options.dns;
  for (const IpAddress& server : options.name_servers) network.names.servers.push_back({.address = server});
  if (const auto chosen = choose_outbound(options, network.stack); !chosen) return Failure(chosen.error());
  const auto max_flows = choose_max_flows(options, network.publish_source);
  if (!max_flows) return Failure(max_flows.error());
  network.stack.max_flows = *max_flows;
  const auto mac = options.mac ? Result<Mac>(*options.mac) : netlink::random_mac();
  if (!mac) return Failure(mac.error());
  network.mac = *mac;
  return network;
}

void warn_of_stalls(const VirtualNetwork& network) {
  if (network.engine == relay::Engine::fast || network.stack.mtu_bytes < kStallingMtu) return;
  log::warning("--mtu {}: libslirp stalls for seconds at {} and above", network.stack.mtu_bytes, kStallingMtu);
}

relay::LinkConfiguration link_configuration(const VirtualNetwork& network) {
  return {
      .addresses = network.stack.addresses, .mtu_bytes = network.stack.mtu_bytes, .ipv6 = network.stack.ipv6, .mac = network.mac};
}

std::vector<IpAddress> nameservers(std::string_view host_resolv_conf, const VirtualNetwork& network) {
  std::vector<IpAddress> servers;
  if (workload::names_server(host_resolv_conf, AF_INET)) servers.emplace_back(network.stack.addresses.dns());
  if (network.stack.ipv6 && workload::names_server(host_resolv_conf, AF_INET6)) servers.emplace_back(stack::AddressPlan::dns6());
  if (servers.empty()) servers.emplace_back(network.stack.addresses.dns());  // until the host has one: the file is followed
  return servers;
}

std::vector<workload::HostEntry> host_entries(const VirtualNetwork& network) {
  std::vector<workload::HostEntry> entries;
  if (network.host_reach == HostReach::isolated) return entries;
  for (const int family : {AF_INET, AF_INET6}) {
    const auto address = netlink::outbound_address(family);
    if (address && !is_virtual(*address, network)) entries.push_back({std::string(workload::kHostName), *address});
  }
  return entries;
}

std::vector<dns::HostName> answered_names(std::vector<workload::HostEntry> added, const VirtualNetwork& network) {
  std::vector<workload::HostEntry> own = host_entries(network);
  std::vector<dns::HostName> names;
  names.reserve(added.size() + own.size());
  for (workload::HostEntry& entry : added) names.push_back({std::move(entry.name), entry.address});
  for (workload::HostEntry& entry : own) names.push_back({std::move(entry.name), entry.address});
  return names;
}

}  // namespace postern::cli
