// foreign_chains.cpp - finds among everybody's chains, as libnftables tells them in JSON (libnftables-json(5)), who else decides
// about what is forwarded. nlohmann-json throws only where it is asked to; here it is not.
#include <nlohmann/json.hpp>

#include "host_facts.h"

namespace postern::bridge {

namespace {

using Json = nlohmann::json;

constexpr std::string_view kOurTable = "postern";

/// The text of a key; empty if there is none.
std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void read_chain(const Json& chain, ForeignRules& rules) {
  const std::string family = text_of(chain, "family"), table = text_of(chain, "table"), name = text_of(chain, "name");
  if (family == "inet" && table == kOurTable) return;
  if (table == "firewalld") rules.has_firewalld = true;
  if (name == "DOCKER-USER") rules.has_docker_user = true;
  if (name.starts_with("ufw-") || name.starts_with("ufw6-")) rules.has_ufw = true;
  if (text_of(chain, "hook") == "forward" && text_of(chain, "policy") == "drop") rules.dropping.push_back({family, table, name});
}

}  // namespace

Result<ForeignRules> read_ruleset(std::string_view json) {
  const Json whole = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!whole.is_object()) return fail("the ruleset is not JSON of nftables");
  const auto list = whole.find("nftables");
  if (list == whole.end() || !list->is_array()) return fail("the ruleset is not JSON of nftables");
  ForeignRules rules;
  for (const Json& entry : *list) {
    const auto chain = entry.find("chain");  // the end, where the entry is no object
    if (chain != entry.end() && chain->is_object()) read_chain(*chain, rules);
  }
  return rules;
}

}  // namespace postern::bridge
