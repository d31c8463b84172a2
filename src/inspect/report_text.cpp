// report_text.cpp - a screen for a person. All that is others' passes harmless() on its way into a cell.
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>

#include "postern/base/harmless.h"
#include "postern/inspect/report.h"

#include "wires.h"

namespace postern::inspect {

namespace {

using Row = std::vector<std::string>;

/// A section's lines: columns as wide as their widest cell, two blanks between them, nothing behind the last.
std::string table(const std::vector<Row>& rows) {
  std::vector<size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line = "  ";
    for (size_t i = 0; i < row.size(); ++i) {
      if (widths[i] > 0) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

/// A section without lines is one line itself.
std::string section(std::string_view title, const std::vector<Row>& rows, std::string_view none) {
  if (rows.empty()) return fmt::format("{}: {}\n", title, none);
  return fmt::format("{}\n{}", title, table(rows));
}

std::string program_text(const Program& program) { return fmt::format("{} ({})", harmless(program.name), program.pid); }

std::string programs_text(const std::vector<Program>& programs) {
  std::string text;
  for (const Program& program : programs) text += (text.empty() ? "" : ", ") + program_text(program);
  return text;
}

std::string peer_text(const DeviceView& device) {
  const DeviceElsewhere& peer = *device.peer;
  const std::string there = peer.name.empty() ? fmt::format("link {}", peer.index) : harmless(peer.name);
  const std::string_view arrow = is_pair(device) ? "<->" : "on";
  if (peer.netns == 0) return fmt::format("{} {} of a namespace that cannot be seen", arrow, there);
  return fmt::format("{} {} of {}", arrow, there,
                     peer.namespace_name.empty() ? fmt::format("netns {}", peer.netns) : harmless(peer.namespace_name));
}

/// Where it leads: "<-> eth0 of blue", "port of br0", "held by postern (4711)".
std::string way_text(const DeviceView& device) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (device.peer) add(peer_text(device));
  if (!device.master.empty()) add("port of " + harmless(device.master));
  if (!device.holders.empty()) add("held by " + programs_text(device.holders));
  if (!device.alias.empty()) add(fmt::format("\"{}\"", harmless(device.alias)));
  return text;
}

/// "up"; "no carrier" where it was asked to be; "down".
std::string state_text(const DeviceView& device) {
  if (!device.up) return "down";
  if (device.state == "up" || (device.state == "unknown" && device.carrier)) return "up";
  return device.carrier ? device.state : "no carrier";
}

std::string address_text(const AddressView& address) {
  return fmt::format("{}{}{}", address.address, address.tentative ? " tentative" : "", address.deprecated ? " deprecated" : "");
}

/// The first address stands with its device, the others below it.
std::vector<Row> device_rows(const NamespaceView& view) {
  std::vector<Row> rows;
  for (const DeviceView& device : view.devices) {
    rows.push_back({harmless(device.name), device.kind.empty() ? "hardware" : harmless(device.kind), state_text(device),
                    fmt::format("mtu {}", device.mtu_bytes), device.mac,
                    device.addresses.empty() ? "" : address_text(device.addresses.front()), way_text(device)});
    for (size_t i = 1; i < device.addresses.size(); ++i) rows.push_back({"", "", "", "", "", address_text(device.addresses[i])});
  }
  return rows;
}

std::vector<Row> route_rows(const NamespaceView& view) {
  std::vector<Row> rows;
  for (const RouteView& route : view.routes) {
    std::string rest = route.table == "main" ? "" : "table " + route.table;
    const auto add = [&](const std::string& part) { rest += (rest.empty() ? "" : " ") + part; };
    if (route.metric != 0) add(fmt::format("metric {}", route.metric));
    if (!route.source.empty()) add("src " + route.source);
    const bool plain = route.destination != "default" || route.family == AF_INET;
    rows.push_back({plain ? route.destination : "default (IPv6)", route.type == "unicast" ? "" : route.type,
                    route.gateway.empty() ? "" : "via " + route.gateway,
                    route.device.empty() ? "" : "dev " + harmless(route.device), "proto " + route.protocol, rest});
  }
  return rows;
}

std::vector<Row> rule_rows(const NamespaceView& view) {
  std::vector<Row> rows;
  for (const RuleView& rule : view.rules) {
    rows.push_back(
        {fmt::format("{}", rule.priority), rule.family == AF_INET6 ? "IPv6" : "IPv4", harmless(rule.selector), rule.action});
  }
  return rows;
}

std::vector<Row> neighbour_rows(const NamespaceView& view) {
  std::vector<Row> rows;
  for (const NeighbourView& neighbour : view.neighbours)
    rows.push_back({neighbour.address, neighbour.mac, harmless(neighbour.device), neighbour.state});
  return rows;
}

std::vector<Row> listener_rows(const NamespaceView& view) {
  std::vector<Row> rows;
  for (const ListenerView& listener : view.listeners) {
    const bool ipv6 = listener.address.find(':') != listener.address.npos;
    rows.push_back({listener.protocol, fmt::format(fmt::runtime(ipv6 ? "[{}]:{}" : "{}:{}"), listener.address, listener.port),
                    programs_text(listener.programs)});
  }
  return rows;
}

std::string chain_text(const ChainView& chain) {
  std::string text = fmt::format("  {} {} {}", chain.family, harmless(chain.table), harmless(chain.name));
  if (!chain.hook.empty()) {
    text += fmt::format(": {} at {}{}{}, priority {}, policy {}", chain.type, chain.hook, chain.device.empty() ? "" : " of ",
                        harmless(chain.device), chain.priority, chain.policy.empty() ? "accept" : chain.policy);
  }
  text += "\n";
  for (const std::string& rule : chain.rules) text += fmt::format("    {}\n", harmless(rule));
  if (chain.rules_left_off > 0) text += fmt::format("    ... and {} more\n", chain.rules_left_off);
  return text;
}

std::string chains_text(const NamespaceView& view) {
  const bool unread =
      std::ranges::any_of(view.unread, [](const std::string& line) { return line.starts_with("rules of nftables"); });
  if (view.chains.empty()) return fmt::format("Packet filter: {}\n", unread ? "not read" : "no chain at a hook");
  std::string text = "Packet filter\n";
  for (const ChainView& chain : view.chains) text += chain_text(chain);
  if (view.chains_left_off > 0)
    text += fmt::format("  ({} chains that no packet meets, or too many, are left off)\n", view.chains_left_off);
  return text;
}

std::string settings_text(const NamespaceView& view) {
  std::vector<Row> rows;
  for (const auto& [name, value] : view.sysctls) rows.push_back({harmless(name), "= " + harmless(value)});
  std::string text = section("Settings", rows, "not read");
  if (view.connections) {
    text += fmt::format("Connections remembered: {}", *view.connections);
    text += view.most_connections ? fmt::format(" of {}\n", *view.most_connections) : "\n";
  }
  return text;
}

std::string unread_text(const std::vector<std::string>& unread) {
  if (unread.empty()) return {};
  std::string text = "Not read\n";
  for (const std::string& line : unread) text += fmt::format("  {}\n", harmless(line));
  return text;
}

/// "blue: network namespace 4026532301, sleep (4711), also called web"; of the host's, the least process says nothing.
std::string title(const NamespaceView& view) {
  std::string text = fmt::format("{}: network namespace {}", harmless(view.name), view.inode);
  if (view.resident && !view.is_host) text += ", " + program_text(*view.resident);
  if (view.is_own) text += ", the caller's own";
  std::string others;
  for (const std::string& name : view.names) {
    if (name != view.name) others += (others.empty() ? "" : ", ") + harmless(name);
  }
  if (!others.empty()) text += ", also called " + others;
  return text + "\n";
}

}  // namespace

std::string namespace_text(const NamespaceView& view) {
  return title(view) + section("Devices", device_rows(view), "none") + section("Routes", route_rows(view), "none") +
         section("Routing rules", rule_rows(view), "the usual ones") + section("Neighbours", neighbour_rows(view), "none") +
         section("Listening", listener_rows(view), "nobody") + chains_text(view) + settings_text(view) + unread_text(view.unread);
}

std::string host_text(const HostView& host) {
  std::string text = fmt::format("{}, Linux {}: {} network namespace{}\n", harmless(host.host), harmless(host.kernel),
                                 host.namespaces.size(), host.namespaces.size() == 1 ? "" : "s");
  for (const NamespaceView& view : host.namespaces) {
    text += "\n" + title(view) + table(device_rows(view));
    if (view.devices.empty()) text += unread_text(view.unread);
  }
  if (!host.unread.empty()) text += "\n" + unread_text(host.unread);
  return text;
}

}  // namespace postern::inspect
