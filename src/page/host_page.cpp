// host_page.cpp - the data of the page, and what there is to read without JavaScript. The fields are those of inspect's views,
// and what is empty is left out.
#include "postern/page/host_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/socket.h>

#include "json_island.h"
#include "template.h"

namespace postern::page {
namespace {

using namespace inspect;

std::string_view name_of(Wire::Kind kind) {
  switch (kind) {
    case Wire::Kind::veth: return "veth";
    case Wire::Kind::port: return "port";
    case Wire::Kind::over: return "over";
    case Wire::Kind::tap: return "tap";
  }
  return "veth";
}

/// A list of objects, or nothing where it is empty; `write` fills each.
template <class Items, class Write>
void write_list(JsonIsland& json, std::string_view name, const Items& items, Write write) {
  if (items.empty()) return;
  json.begin(name, '[');
  for (const auto& item : items) {
    json.begin('{');
    write(item);
    json.end('}');
  }
  json.end(']');
}

void write_texts(JsonIsland& json, std::string_view name, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  json.begin(name, '[');
  for (const std::string& text : texts) json.item(text);
  json.end(']');
}

void write_programs(JsonIsland& json, std::string_view name, const std::vector<Program>& programs) {
  write_list(json, name, programs, [&json](const Program& program) {
    json.field("pid", program.pid);
    json.known("name", program.name);
  });
}

void write_program(JsonIsland& json, std::string_view name, const std::optional<Program>& program) {
  if (!program) return;
  json.begin(name, '{');
  json.field("pid", program->pid);
  json.known("name", program->name);
  json.end('}');
}

void write_flag(JsonIsland& json, std::string_view name, std::convertible_to<bool> auto is_set) {
  if (is_set) json.flag(name);
}

void write_device(JsonIsland& json, const DeviceView& device) {
  json.field("index", device.index);
  json.field("name", device.name);
  json.known("kind", device.kind);
  json.known("alias", device.alias);
  write_flag(json, "up", device.up);
  json.known("state", device.state);
  write_flag(json, "carrier", device.carrier);
  json.field("mtu", device.mtu_bytes);
  json.known("mac", device.mac);
  json.known("master", device.master);
  write_list(json, "addresses", device.addresses, [&json](const AddressView& address) {
    json.field("address", address.address);
    json.known("scope", address.scope);
    write_flag(json, "tentative", address.tentative);
    write_flag(json, "deprecated", address.deprecated);
  });
  if (device.peer) {
    json.begin("peer", '{');
    json.field("netns", device.peer->netns);
    json.known("namespace", device.peer->namespace_name);
    json.field("index", device.peer->index);
    json.known("name", device.peer->name);
    json.end('}');
  }
  write_programs(json, "holders", device.holders);
}

void write_routing(JsonIsland& json, const NamespaceView& view) {
  write_list(json, "routes", view.routes, [&json](const RouteView& route) {
    json.field("family", route.family == AF_INET6 ? 6 : 4);
    json.field("destination", route.destination);
    json.known("gateway", route.gateway);
    json.known("device", route.device);
    json.known("table", route.table);
    json.known("type", route.type);
    json.known("protocol", route.protocol);
    json.known("source", route.source);
    if (route.metric != 0) json.field("metric", route.metric);
  });
  write_list(json, "rules", view.rules, [&json](const RuleView& rule) {
    json.field("family", rule.family == AF_INET6 ? 6 : 4);
    json.field("priority", rule.priority);
    json.known("selector", rule.selector);
    json.known("action", rule.action);
  });
  write_list(json, "neighbours", view.neighbours, [&json](const NeighbourView& neighbour) {
    json.field("address", neighbour.address);
    json.known("device", neighbour.device);
    json.known("mac", neighbour.mac);
    json.known("state", neighbour.state);
  });
}

void write_filtering(JsonIsland& json, const NamespaceView& view) {
  write_list(json, "listeners", view.listeners, [&json](const ListenerView& listener) {
    json.field("protocol", listener.protocol);
    json.field("address", listener.address);
    json.field("port", listener.port);
    write_programs(json, "programs", listener.programs);
  });
  write_list(json, "chains", view.chains, [&json](const ChainView& chain) {
    json.field("name", fmt::format("{} {} {}", chain.family, chain.table, chain.name));
    json.known("hook", chain.hook);
    json.known("type", chain.type);
    json.known("policy", chain.policy);
    json.known("device", chain.device);
    json.field("priority", chain.priority);
    write_texts(json, "rules", chain.rules);
    if (chain.rules_left_off != 0) json.field("rules_left_off", chain.rules_left_off);
  });
  if (view.chains_left_off != 0) json.field("chains_left_off", view.chains_left_off);
  write_list(json, "sysctls", view.sysctls, [&json](const auto& sysctl) {
    json.field("name", sysctl.first);
    json.field("value", sysctl.second);
  });
  if (view.connections) json.field("connections", *view.connections);
  if (view.most_connections) json.field("most_connections", *view.most_connections);
}

void write_namespace(JsonIsland& json, const NamespaceView& view) {
  json.field("inode", view.inode);
  json.field("name", view.name);
  write_texts(json, "names", view.names);
  write_program(json, "resident", view.resident);
  write_flag(json, "own", view.is_own);
  write_flag(json, "host", view.is_host);
  write_list(json, "devices", view.devices, [&json](const DeviceView& device) { write_device(json, device); });
  write_routing(json, view);
  write_filtering(json, view);
  write_texts(json, "unread", view.unread);
}

void write_end(JsonIsland& json, std::string_view name, const WireEnd& end) {
  json.begin(name, '{');
  json.field("netns", end.netns);
  json.field("device", end.device);
  json.end('}');
}

void write_wire(JsonIsland& json, const Wire& wire) {
  json.field("kind", name_of(wire.kind));
  write_end(json, "one", wire.one);
  if (wire.other) write_end(json, "other", *wire.other);
  write_program(json, "program", wire.program);
  if (wire.program_netns != 0) json.field("program_netns", wire.program_netns);
}

std::string data_of(const HostView& host) {
  JsonIsland json;
  json.begin('{');
  json.known("host", host.host);
  json.known("kernel", host.kernel);
  write_list(json, "namespaces", host.namespaces, [&json](const NamespaceView& view) { write_namespace(json, view); });
  write_list(json, "wires", host.wires, [&json](const Wire& wire) { write_wire(json, wire); });
  write_texts(json, "unread", host.unread);
  json.end('}');
  return json.take();
}

std::string peer_text(const DeviceView& device) {
  if (!device.peer) return {};
  const bool seen = device.peer->netns != 0;
  return fmt::format(" -> {} in {}", device.peer->name.empty() ? fmt::format("{}", device.peer->index) : device.peer->name,
                     seen ? device.peer->namespace_name : "a namespace that cannot be seen");
}

/// Namespaces, their devices and to what those lead.
std::string plain_text(const HostView& host) {
  std::string text;
  for (const NamespaceView& view : host.namespaces) {
    text += fmt::format("{} (netns {})\n", view.name, view.inode);
    for (const DeviceView& device : view.devices) {
      std::vector<std::string> addresses;
      for (const AddressView& address : device.addresses) addresses.push_back(address.address);
      text += fmt::format("  {} {} {}{}{}\n", device.name, device.kind, fmt::join(addresses, " "), peer_text(device),
                          device.master.empty() ? "" : fmt::format(", port of {}", device.master));
    }
    text += '\n';
  }
  return text;
}

}  // namespace

std::string host_page(const HostView& host) {
  return fill(host_page_template(),
              {.title = fmt::format("Network namespaces of {}", host.host.empty() ? "this host" : host.host),
               .plain = plain_text(host),
               .data = data_of(host)});
}

}  // namespace postern::page
