// report_json.cpp - the one file of this room that speaks nlohmann-json, which throws: on what it cannot encode.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "report.h"

namespace postern::bridge_cli {

namespace {

using Json = nlohmann::ordered_json;

/// A namespace's path may be any bytes: replaced rather than thrown at.
std::string written(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

template <class T, class Shape>
Json list_of(const std::vector<T>& all, Shape shape) {
  Json list = Json::array();
  for (const T& one : all) list.push_back(shape(one));
  return list;
}

Json shape_of(const bridge::Subnet& subnet) {
  return {{"network", subnet.network()}, {"gateway", to_string(subnet.gateway)}, {"prefix_bits", subnet.prefix_bits}};
}

Json shape_of(const bridge::Network& network) {
  const bridge::NetworkSpec& spec = network.spec;
  return {{"name", spec.name},
          {"subnets", list_of(spec.subnets, [](const auto& subnet) { return shape_of(subnet); })},
          {"mac", network.mac.to_string()},
          {"mtu", spec.mtu_bytes ? Json(*spec.mtu_bytes) : Json()},
          {"internal", spec.egress == bridge::Egress::nowhere},
          {"external", spec.external ? Json(*spec.external) : Json()},
          {"isolate", std::string(name_of(spec.isolation))},
          {"icc", spec.inter_container == bridge::InterContainer::allowed},
          {"masquerade", spec.masquerade == bridge::Masquerade::on},
          {"names", spec.names}};
}

Json shape_of(const bridge::PortRange& range) {
  return {{"protocol", std::string(name_of(range.protocol))},
          {"host_address", range.host_address ? Json(to_string(*range.host_address)) : Json()},
          {"first", range.first.number},
          {"last", range.last.number},
          {"container_first", range.container_first.number}};
}

Json shape_of(const bridge::Endpoint& endpoint) {
  const auto own_address = [](const bridge::Subnet& own) { return addresses_text({own}); };
  return {{"network", endpoint.network},
          {"id", endpoint.id},
          {"namespace", {{"path", endpoint.target.path}, {"device", endpoint.target.device}, {"inode", endpoint.target.inode}}},
          {"interface", endpoint.interface},
          {"host_interface", endpoint.host_interface},
          {"mac", endpoint.mac.to_string()},
          {"addresses", list_of(endpoint.addresses, own_address)},
          {"names", endpoint.names},
          {"ports", list_of(endpoint.ports, [](const auto& range) { return shape_of(range); })}};
}

}  // namespace

std::string network_json(const bridge::Network& network) { return written({{"version", 1}, {"network", shape_of(network)}}); }

std::string endpoint_json(const bridge::Endpoint& endpoint) {
  return written({{"version", 1}, {"endpoint", shape_of(endpoint)}});
}

std::string list_json(const std::vector<Members>& networks) {
  const auto with_count = [](const Members& view) {
    Json shape = shape_of(view.network);
    shape["endpoints"] = view.endpoints.size();
    return shape;
  };
  return written({{"version", 1}, {"networks", list_of(networks, with_count)}});
}

std::string inspect_json(const Members& view) {
  return written({{"version", 1},
                  {"network", shape_of(view.network)},
                  {"endpoints", list_of(view.endpoints, [](const auto& endpoint) { return shape_of(endpoint); })}});
}

std::string ports_json(const std::vector<bridge::Endpoint>& endpoints) {
  Json ports = Json::array();
  for (const bridge::Endpoint& endpoint : endpoints) {
    for (const bridge::PortRange& range : endpoint.ports) {
      Json port = {{"network", endpoint.network}, {"id", endpoint.id}};
      port.update(shape_of(range));
      ports.push_back(std::move(port));
    }
  }
  return written({{"version", 1}, {"ports", std::move(ports)}});
}

std::string problems_json(const std::vector<bridge::Problem>& problems) {
  const auto shape = [](const bridge::Problem& problem) {
    return Json{{"object", problem.object}, {"what", problem.what}, {"remedy", problem.remedy}};
  };
  return written({{"version", 1}, {"good", problems.empty()}, {"problems", list_of(problems, shape)}});
}

std::string findings_json(const std::vector<Finding>& findings) {
  const auto shape = [](const Finding& finding) {
    return Json{{"check", finding.check},
                {"status", std::string(postern::name_of(finding.verdict))},
                {"found", finding.found},
                {"breaks", finding.breaks},
                {"remedy", finding.remedy}};
  };
  const bool works = std::none_of(findings.begin(), findings.end(), is_missing);
  return written({{"version", 1}, {"bridge_works", works}, {"checks", list_of(findings, shape)}});
}

}  // namespace postern::bridge_cli
