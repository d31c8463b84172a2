// bridge_reply.cpp - reads postern-bridge's JSON. nlohmann-json throws only where it is asked to; here it is not.
#include <nlohmann/json.hpp>

#include "bridge_program.h"

namespace postern::cli {

namespace {

using Json = nlohmann::json;

Failure wrong() { return fail("what postern-bridge answers is not of this version (install both programs from one build)"); }

bool is_true(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

std::optional<IpAddress> gateway_of(const Json& subnet) {
  const auto found = subnet.find("gateway");  // the end, where the subnet is no object
  return found != subnet.end() && found->is_string() ? parse_ip(found->get<std::string>()) : std::nullopt;
}

}  // namespace

Result<BridgeNetwork> read_bridge_network(std::string_view json) {
  const Json answer = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  const auto network = answer.find("network");
  if (network == answer.end() || !network->is_object()) return wrong();
  const auto subnets = network->find("subnets");
  if (subnets == network->end() || !subnets->is_array()) return wrong();
  BridgeNetwork read;
  for (const Json& subnet : *subnets) {
    const auto gateway = gateway_of(subnet);
    if (!gateway) return wrong();
    read.gateways.push_back(*gateway);
  }
  read.answers_names = is_true(*network, "names");
  read.reaches_host = !is_true(*network, "internal");
  return read;
}

}  // namespace postern::cli
