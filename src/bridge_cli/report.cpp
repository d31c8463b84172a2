#include "report.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::bridge_cli {

namespace {

std::string subnets_text(const std::vector<bridge::Subnet>& subnets, std::string_view between) {
  std::string text;
  for (const bridge::Subnet& subnet : subnets) text += (text.empty() ? "" : std::string(between)) + subnet.network();
  return text;
}

std::string egress_text(const bridge::NetworkSpec& spec) {
  if (spec.egress == bridge::Egress::nowhere) return "nowhere";
  return spec.external ? "by " + *spec.external : "everywhere";
}

std::string mtu_text(const bridge::NetworkSpec& spec) { return spec.mtu_bytes ? fmt::format("{}", *spec.mtu_bytes) : "default"; }

template <class Texts>
std::string joined(const Texts& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : " ") + text;
  return all;
}

using Row = std::vector<std::string>;

/// Columns as wide as their widest cell, two blanks between them.
std::string table(const std::vector<Row>& rows) {
  std::vector<size_t> widths(rows.front().size(), 0);
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}", row[i], i + 1 < row.size() ? widths[i] + 2 : 0);
    text += line + "\n";
  }
  return text;
}

std::string endpoint_text(const bridge::Endpoint& endpoint) {
  std::string text =
      fmt::format("  {}\n    addresses   {}\n    mac         {}\n    interface   {}, here {}\n    namespace   {}\n", endpoint.id,
                  addresses_text(endpoint.addresses), endpoint.mac.to_string(), endpoint.interface, endpoint.host_interface,
                  endpoint.target.path);
  if (!endpoint.names.empty()) text += fmt::format("    names       {}\n", joined(endpoint.names));
  for (const bridge::PortRange& range : endpoint.ports) text += fmt::format("    port        {}\n", range.to_string());
  return text;
}

}  // namespace

std::string addresses_text(const std::vector<bridge::Subnet>& addresses) {
  std::string text;
  for (const bridge::Subnet& own : addresses) {
    text += fmt::format("{}{}/{}", text.empty() ? "" : " ", to_string(own.gateway), own.prefix_bits);
  }
  return text;
}

std::string up_text(const bridge::Network& network) {
  return fmt::format("{}: {}\n", network.spec.name, subnets_text(network.spec.subnets, " "));
}

std::string list_text(const std::vector<Members>& networks) {
  std::vector<Row> rows = {{"NAME", "SUBNETS", "ENDPOINTS", "EGRESS", "ISOLATION", "MTU"}};
  for (const auto& [network, endpoints] : networks) {
    const bridge::NetworkSpec& spec = network.spec;
    rows.push_back({spec.name, subnets_text(spec.subnets, ","), fmt::format("{}", endpoints.size()), egress_text(spec),
                    std::string(name_of(spec.isolation)), mtu_text(spec)});
  }
  return table(rows);
}

std::string inspect_text(const Members& view) {
  const bridge::NetworkSpec& spec = view.network.spec;
  std::string text = spec.name + "\n";
  for (const bridge::Subnet& subnet : spec.subnets) {
    text += fmt::format("  subnet      {}, gateway {}\n", subnet.network(), to_string(subnet.gateway));
  }
  text += fmt::format("  mac         {}\n  mtu         {}\n  egress      {}\n  isolation   {}\n", view.network.mac.to_string(),
                      mtu_text(spec), egress_text(spec), name_of(spec.isolation));
  text += fmt::format("  icc         {}\n  masquerade  {}\n  names       {}\n",
                      spec.inter_container == bridge::InterContainer::allowed ? "on" : "off",
                      spec.masquerade == bridge::Masquerade::on ? "on" : "off", spec.names ? "on" : "off");
  text += fmt::format("endpoints: {}\n", view.endpoints.size());
  for (const bridge::Endpoint& endpoint : view.endpoints) text += endpoint_text(endpoint);
  return text;
}

std::string ports_text(const std::vector<bridge::Endpoint>& endpoints) {
  std::vector<Row> rows = {{"NETWORK", "ID", "PORT"}};
  for (const bridge::Endpoint& endpoint : endpoints) {
    for (const bridge::PortRange& range : endpoint.ports) rows.push_back({endpoint.network, endpoint.id, range.to_string()});
  }
  return table(rows);
}

std::string problems_text(const std::vector<bridge::Problem>& problems) {
  std::string text;
  for (const auto& [object, what, remedy] : problems) {
    text += remedy.empty() ? fmt::format("{}: {}\n", object, what) : fmt::format("{}: {} ({})\n", object, what, remedy);
  }
  return text;
}

std::string_view name_of(bridge::Isolation isolation) {
  switch (isolation) {
    case bridge::Isolation::published: return "published";
    case bridge::Isolation::full: return "full";
    case bridge::Isolation::open: return "open";
  }
  return {};
}

std::string_view name_of(bridge::Protocol protocol) { return protocol == bridge::Protocol::tcp ? "tcp" : "udp"; }

}  // namespace postern::bridge_cli
