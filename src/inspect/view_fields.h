// view_fields.h - the fields of a view, for archive.h. One that is missing here is lost on its way from the child.
#pragma once

#include "postern/inspect/namespace_view.h"

namespace postern::inspect {

template <class Archive>
void fields(Archive& archive, Program& program) {
  archive(program.pid, program.name);
}

template <class Archive>
void fields(Archive& archive, DeviceElsewhere& device) {
  archive(device.netns, device.namespace_name, device.index, device.name);
}

template <class Archive>
void fields(Archive& archive, AddressView& address) {
  archive(address.address, address.scope, address.tentative, address.deprecated);
}

template <class Archive>
void fields(Archive& archive, DeviceView& device) {
  archive(device.index, device.name, device.kind, device.alias, device.up, device.state, device.carrier, device.mtu_bytes,
          device.mac, device.master, device.addresses, device.peer, device.holders);
}

template <class Archive>
void fields(Archive& archive, RouteView& route) {
  archive(route.family, route.destination, route.gateway, route.device, route.table, route.type, route.protocol, route.source,
          route.metric);
}

template <class Archive>
void fields(Archive& archive, RuleView& rule) {
  archive(rule.family, rule.priority, rule.selector, rule.action);
}

template <class Archive>
void fields(Archive& archive, NeighbourView& neighbour) {
  archive(neighbour.address, neighbour.device, neighbour.mac, neighbour.state);
}

template <class Archive>
void fields(Archive& archive, ListenerView& listener) {
  archive(listener.protocol, listener.address, listener.port, listener.programs);
}

template <class Archive>
void fields(Archive& archive, ChainView& chain) {
  archive(chain.family, chain.table, chain.name, chain.hook, chain.type, chain.policy, chain.device, chain.priority, chain.rules,
          chain.rules_left_off);
}

template <class Archive>
void fields(Archive& archive, NamespaceView& view) {
  archive(view.inode, view.name, view.names, view.resident, view.is_own, view.is_host, view.devices, view.routes, view.rules,
          view.neighbours, view.listeners, view.chains, view.chains_left_off, view.sysctls, view.connections,
          view.most_connections, view.unread);
}

}  // namespace postern::inspect
