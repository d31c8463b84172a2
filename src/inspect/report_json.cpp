// report_json.cpp - the one file of this room that speaks nlohmann-json, which throws: on what it cannot encode.
#include <nlohmann/json.hpp>
#include <sys/socket.h>

#include "postern/inspect/report.h"

namespace postern::inspect {

namespace {

using Json = nlohmann::ordered_json;

/// Names may be any bytes: replaced rather than thrown at.
std::string written(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

template <class T, class Shape>
Json list_of(const std::vector<T>& all, Shape shape) {
  Json list = Json::array();
  for (const T& one : all) list.push_back(shape(one));
  return list;
}

template <class T>
Json list_of(const std::vector<T>& all);

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }
int family_of(int family) { return family == AF_INET6 ? 6 : 4; }

Json shape_of(const Program& program) { return {{"pid", program.pid}, {"name", program.name}}; }

Json shape_of(const DeviceElsewhere& device);
Json shape_of(const WireEnd& end);

template <class T>
Json shape_of(const std::optional<T>& maybe) {
  return maybe ? shape_of(*maybe) : Json();
}

Json shape_of(const DeviceElsewhere& device) {
  return {{"netns", device.netns == 0 ? Json() : Json{{"inode", device.netns}, {"name", device.namespace_name}}},
          {"index", device.index},
          {"name", text_or_null(device.name)}};
}

Json shape_of(const AddressView& address) {
  return {{"address", address.address},
          {"scope", address.scope},
          {"tentative", address.tentative},
          {"deprecated", address.deprecated}};
}

Json shape_of(const DeviceView& device) {
  return {{"index", device.index},
          {"name", device.name},
          {"kind", text_or_null(device.kind)},
          {"alias", text_or_null(device.alias)},
          {"up", device.up},
          {"state", device.state},
          {"carrier", device.carrier},
          {"mtu", device.mtu_bytes},
          {"mac", text_or_null(device.mac)},
          {"master", text_or_null(device.master)},
          {"addresses", list_of(device.addresses)},
          {"peer", shape_of(device.peer)},
          {"holders", list_of(device.holders)}};
}

Json shape_of(const RouteView& route) {
  return {{"family", family_of(route.family)},
          {"destination", route.destination},
          {"gateway", text_or_null(route.gateway)},
          {"device", text_or_null(route.device)},
          {"table", route.table},
          {"metric", route.metric},
          {"type", route.type},
          {"protocol", route.protocol},
          {"source", text_or_null(route.source)}};
}

Json shape_of(const RuleView& rule) {
  return {{"family", family_of(rule.family)}, {"priority", rule.priority}, {"selector", rule.selector}, {"action", rule.action}};
}

Json shape_of(const NeighbourView& neighbour) {
  return {{"address", neighbour.address},
          {"device", neighbour.device},
          {"mac", text_or_null(neighbour.mac)},
          {"state", neighbour.state}};
}

Json shape_of(const ListenerView& listener) {
  return {{"protocol", listener.protocol},
          {"address", listener.address},
          {"port", listener.port},
          {"programs", list_of(listener.programs)}};
}

Json shape_of(const ChainView& chain) {
  const bool is_base = !chain.hook.empty();
  return {{"family", chain.family},
          {"table", chain.table},
          {"name", chain.name},
          {"hook", text_or_null(chain.hook)},
          {"type", text_or_null(chain.type)},
          {"priority", is_base ? Json(chain.priority) : Json()},
          {"policy", text_or_null(chain.policy)},
          {"device", text_or_null(chain.device)},
          {"rules", chain.rules},
          {"rules_left_off", chain.rules_left_off}};
}

Json shape_of(const NamespaceView& view) {
  Json sysctls = Json::object();
  for (const auto& [name, value] : view.sysctls) sysctls[name] = value;
  return {{"inode", view.inode},
          {"name", view.name},
          {"names", view.names},
          {"resident", shape_of(view.resident)},
          {"own", view.is_own},
          {"host", view.is_host},
          {"devices", list_of(view.devices)},
          {"routes", list_of(view.routes)},
          {"rules", list_of(view.rules)},
          {"neighbours", list_of(view.neighbours)},
          {"listeners", list_of(view.listeners)},
          {"chains", list_of(view.chains)},
          {"chains_left_off", view.chains_left_off},
          {"sysctls", sysctls},
          {"conntrack",
           {{"entries", view.connections ? Json(*view.connections) : Json()},
            {"most", view.most_connections ? Json(*view.most_connections) : Json()}}},
          {"unread", view.unread}};
}

const char* name_of(Wire::Kind kind) {
  switch (kind) {
    case Wire::Kind::veth: return "veth";
    case Wire::Kind::port: return "port";
    case Wire::Kind::over: return "over";
    case Wire::Kind::tap: return "tap";
  }
  return "";
}

Json shape_of(const WireEnd& end) { return {{"netns", end.netns}, {"device", end.device}}; }

Json shape_of(const Wire& wire) {
  return {{"kind", name_of(wire.kind)},
          {"one", shape_of(wire.one)},
          {"other", shape_of(wire.other)},
          {"program", shape_of(wire.program)},
          {"program_netns", wire.program_netns == 0 ? Json() : Json(wire.program_netns)}};
}

template <class T>
Json list_of(const std::vector<T>& all) {
  return list_of(all, [](const T& one) { return shape_of(one); });
}

}  // namespace

std::string namespace_json(const NamespaceView& view) { return written({{"version", 1}, {"namespace", shape_of(view)}}); }

std::string host_json(const HostView& host) {
  return written({{"version", 1},
                  {"host", host.host},
                  {"kernel", host.kernel},
                  {"namespaces", list_of(host.namespaces)},
                  {"wires", list_of(host.wires)},
                  {"unread", host.unread}});
}

}  // namespace postern::inspect
