// answer.cpp - one of the two files of this room that speak nlohmann-json, which throws on text that is no UTF-8 unless told not
// to.
#include "answer.h"

#include <nlohmann/json.hpp>

#include "wish.h"

namespace postern::cni {

namespace {

using Json = nlohmann::ordered_json;

std::string dumped(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

Json json_of(const AddResult::Interface& interface, Version version) {
  Json json = {{"name", interface.name}};
  if (!interface.mac.empty()) json["mac"] = interface.mac;
  if (interface.mtu_bytes && version >= Version::v1_1_0) json["mtu"] = *interface.mtu_bytes;
  if (!interface.sandbox.empty()) json["sandbox"] = interface.sandbox;
  return json;
}

Json json_of(const AddResult::Ip& ip, Version version) {
  Json json = Json::object();
  if (version < Version::v1_0_0) json["version"] = ip.address.is_ipv4() ? "4" : "6";
  if (ip.interface) json["interface"] = *ip.interface;
  json["address"] = to_string(ip.address);
  if (ip.gateway) json["gateway"] = postern::to_string(*ip.gateway);
  return json;
}

Json json_of(const AddResult::Route& route) {
  Json json = {{"dst", to_string(route.destination)}};
  if (route.gateway) json["gw"] = postern::to_string(*route.gateway);
  return json;
}

Json json_of(const Dns& dns) {
  Json json = Json::object();
  if (!dns.nameservers.empty()) json["nameservers"] = dns.nameservers;
  if (!dns.domain.empty()) json["domain"] = dns.domain;
  if (!dns.search.empty()) json["search"] = dns.search;
  if (!dns.options.empty()) json["options"] = dns.options;
  return json;
}

}  // namespace

std::string answer_added(const AddResult& result, Version version) {
  Json json = {{"cniVersion", std::string(name(version))}};
  Json& interfaces = json["interfaces"] = Json::array();
  for (const auto& interface : result.interfaces) interfaces.push_back(json_of(interface, version));
  Json& ips = json["ips"] = Json::array();
  for (const auto& ip : result.ips) ips.push_back(json_of(ip, version));
  if (!result.routes.empty()) {
    Json& routes = json["routes"] = Json::array();
    for (const auto& route : result.routes) routes.push_back(json_of(route));
  }
  json["dns"] = json_of(result.dns);
  return dumped(json);
}

std::string answer_refused(const Refusal& refusal, Version version) {
  Json json = {{"cniVersion", std::string(name(version))}, {"code", refusal.code}, {"msg", refusal.message}};
  if (!refusal.details.empty()) json["details"] = refusal.details;
  return dumped(json);
}

std::string answer_versions(Version asked_in) {
  Json versions = Json::array();
  for (const std::string_view version : kVersions) versions.push_back(std::string(version));
  return dumped({{"cniVersion", std::string(name(asked_in))}, {"supportedVersions", std::move(versions)}});
}

}  // namespace postern::cni
