#include "stack_tables.h"

#include <fmt/format.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <map>
#include <set>

#include "postern/netlink/address.h"
#include "postern/netlink/link.h"
#include "postern/netlink/neighbour.h"
#include "postern/netlink/route.h"
#include "postern/netlink/rule.h"

#include "kernel_words.h"

namespace postern::inspect {

namespace {

using netlink::Link;

/// The number that this namespace gives to another -> that one's inode.
using NamespaceIds = std::map<int, ino_t>;

/// Asks only as long as a link wants to know.
NamespaceIds resolve_ids(netlink::Socket& socket, const std::vector<Link>& links, const std::vector<Other>& others) {
  std::set<int> wanted;
  for (const Link& link : links) {
    if (link.peer_namespace && *link.peer_namespace >= 0) wanted.insert(*link.peer_namespace);
  }
  NamespaceIds ids;
  for (const Other& other : others) {
    if (ids.size() == wanted.size()) break;
    const auto id = id_of(other, socket);
    if (id && wanted.contains(*id)) ids[*id] = other.inode;
  }
  return ids;
}

std::string kind_of(const Link& link) {
  if (link.loopback) return "loopback";
  return link.tap ? "tap" : link.kind;
}

std::string name_of_index(const NamespaceView& view, int index) {
  if (index == 0) return {};
  const auto found = std::ranges::find(view.devices, index, &DeviceView::index);
  return found == view.devices.end() ? fmt::format("link {}", index) : found->name;
}

DeviceView device_of(const Link& link, const NamespaceIds& ids) {
  DeviceView device;
  device.index = link.index;
  device.name = link.name;
  device.kind = kind_of(link);
  device.alias = link.alias;
  device.up = link.up;
  device.state = link_state_word(link.state);
  device.carrier = link.carrier;
  device.mtu_bytes = link.mtu_bytes;
  if (link.mac != Mac()) device.mac = link.mac.to_string();
  if (link.peer == 0 && !link.peer_namespace) return device;
  device.peer.emplace().index = link.peer;
  if (!link.peer_namespace) return device;  // here; the caller puts in our inode
  const auto id = ids.find(*link.peer_namespace);
  device.peer->netns = id == ids.end() ? 0 : id->second;
  return device;
}

AddressView address_of(const netlink::Address& address) {
  return {fmt::format("{}/{}", to_string(address.address), address.prefix_bits), scope_word(address.scope), address.tentative,
          address.deprecated};
}

RouteView route_of(const netlink::Route& route, const NamespaceView& view) {
  return {.family = route.family,
          .destination = network_text(route.destination, route.prefix_bits),
          .gateway = route.gateway ? to_string(*route.gateway) : "",
          .device = name_of_index(view, route.out_link),
          .table = table_word(route.table),
          .type = route_type_word(route.type),
          .protocol = route_protocol_word(route.protocol),
          .source = route.source ? to_string(*route.source) : "",
          .metric = route.metric};
}

NeighbourView neighbour_of(const netlink::Neighbour& neighbour, const NamespaceView& view) {
  return {.address = to_string(neighbour.address),
          .device = name_of_index(view, neighbour.link_index),
          .mac = neighbour.mac ? neighbour.mac->to_string() : "",
          .state = neighbour_state_word(neighbour.state)};
}

/// IPv4 first; the main table before those that a rule must name.
void sort_routes(std::vector<netlink::Route>& routes) {
  const auto rank = [](const netlink::Route& route) {
    return std::pair(route.family, route.table == RT_TABLE_MAIN ? 0 : route.table);
  };
  std::ranges::stable_sort(routes, {}, rank);
}

template <class T>
bool was_read(const Result<T>& table, std::string_view what, NamespaceView& view) {
  if (!table) view.unread.push_back(fmt::format("{}: {}", what, table.error().message()));
  return table.has_value();
}

}  // namespace

Status read_devices(netlink::Socket& socket, const std::vector<Other>& others, NamespaceView& view) {
  POSTERN_TRY(links, netlink::links(socket), "devices");
  POSTERN_TRY(own, netlink::addresses(socket), "addresses");
  const auto here = netns::identity_of(std::string("/proc/thread-self/ns/net"));
  view.inode = here ? here->inode : 0;
  const NamespaceIds ids = resolve_ids(socket, links, others);
  for (const Link& link : links) {
    view.devices.push_back(device_of(link, ids));
    DeviceView& device = view.devices.back();
    if (device.peer && !link.peer_namespace) device.peer->netns = view.inode;
    for (const netlink::Address& address : own) {
      if (address.link_index == link.index) device.addresses.push_back(address_of(address));
    }
  }
  std::ranges::sort(view.devices, {}, &DeviceView::index);
  for (const Link& link : links) {
    const auto device = std::ranges::find(view.devices, link.index, &DeviceView::index);
    device->master = name_of_index(view, link.master);
  }
  return {};
}

void read_tables(netlink::Socket& socket, NamespaceView& view) {
  if (auto routes = netlink::routes(socket); was_read(routes, "routes", view)) {
    sort_routes(*routes);
    for (const netlink::Route& route : *routes) view.routes.push_back(route_of(route, view));
  }
  if (const auto rules = netlink::rules(socket); was_read(rules, "rules", view)) {
    for (const netlink::Rule& rule : *rules) {
      if (!is_usual(rule)) view.rules.push_back({rule.family, rule.priority, selector_text(rule), action_text(rule)});
    }
  }
  if (const auto neighbours = netlink::neighbours(socket); was_read(neighbours, "neighbours", view)) {
    for (const netlink::Neighbour& neighbour : *neighbours) view.neighbours.push_back(neighbour_of(neighbour, view));
  }
}

}  // namespace postern::inspect
