#include "live_rules.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sched.h>

#include <algorithm>
#include <map>

#include "postern/base/assert.h"
#include "postern/netfilter/nftables.h"
#include "postern/netns/visit.h"

#include "ruleset.h"

namespace postern::bridge {

namespace {

using Json = nlohmann::json;

/// What an object of a listing is called, and what it says: handles differ between two tables, and so may the order of elements.
using Listing = std::map<std::string, std::string>;

void take(Listing& listing, const std::string& kind, Json body) {
  body.erase("handle");
  if (body.contains("elem") && body["elem"].is_array()) std::sort(body["elem"].begin(), body["elem"].end());
  const std::string name = kind == "rule" ? "chain " + body.value("chain", "") : kind + " " + body.value("name", "");
  listing[name] += body.dump() + "\n";  // the rules of a chain in their order
}

/// nlohmann-json speaks by exceptions; none leaves this function.
Result<Listing> parse(const std::string& text) {
  try {
    Listing listing;
    const Json whole = Json::parse(text);
    for (const Json& object : whole.at("nftables")) {
      for (const auto& [kind, body] : object.items()) {
        if (kind != "metainfo") take(listing, kind, body);
      }
    }
    return listing;
  } catch (const Json::exception& error) {
    return fail(std::errc::bad_message, error.what());
  }
}

Result<Listing> list_rules() {
  POSTERN_TRY(nftables, netfilter::Nftables::open(), "rules");
  const auto text = nftables.list_json(fmt::format("table {}", kTable));
  if (!text && text.error().is(std::errc::no_such_file_or_directory)) return Listing();
  if (!text) return Failure(text.error());
  return parse(*text);
}

/// A network namespace in which only the rules are.
Result<UniqueFd> empty_namespace() {
  UniqueFd home(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!home) return fail_errno("open", "/proc/thread-self/ns/net");
  if (::unshare(CLONE_NEWNET) < 0) return fail_errno("make a network namespace");
  UniqueFd fresh(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  POSTERN_ASSERT(::setns(home.get(), CLONE_NEWNET) == 0);
  if (!fresh) return fail_errno("open", "/proc/thread-self/ns/net");
  return fresh;
}

Result<Listing> load_elsewhere(const std::string& rules) {
  POSTERN_TRY(elsewhere, empty_namespace(), "rules");
  POSTERN_TRY(visit, netns::Visit::begin(elsewhere), "rules");
  POSTERN_TRY(nftables, netfilter::Nftables::open(), "rules");
  POSTERN_CHECK(nftables.commit(rules), "rules");
  return list_rules();
}

}  // namespace

Result<std::optional<std::string>> compare_rules(const std::string& expected) {
  POSTERN_TRY(live, list_rules(), "rules");
  if (live.empty())
    return std::optional<std::string>(fmt::format("the table {} is missing (a foreign `nft flush ruleset`?)", kTable));
  POSTERN_TRY(wanted, load_elsewhere(expected), "rules");
  for (const auto& [name, text] : wanted) {
    const auto found = live.find(name);
    if (found == live.end()) return std::optional<std::string>(fmt::format("{} of the table {} is missing", name, kTable));
    if (found->second != text) return std::optional<std::string>(fmt::format("{} of the table {} was changed", name, kTable));
  }
  for (const auto& [name, text] : live) {
    if (!wanted.contains(name)) return std::optional<std::string>(fmt::format("{} of the table {} is not of ours", name, kTable));
  }
  return std::optional<std::string>();
}

}  // namespace postern::bridge
