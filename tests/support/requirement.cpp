// requirement.cpp - the rules of requirement.h, apart from where the list and the probes come from.
#include "requirement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "lab.h"

namespace postern::lab {

namespace {

const AbsentFeature* find(const std::vector<AbsentFeature>& list, std::string_view name) {
  const auto found =
      std::find_if(list.begin(), list.end(), [name](const AbsentFeature& feature) { return feature.name == name; });
  return found == list.end() ? nullptr : &*found;
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// `rule` with this checkout's list, and a lab of its own for the probe.
template <class Rule>
Ruling with_own_list(Rule rule) {
  const auto list = absent_features();
  if (!list) return {Ruling::Kind::fail, list.error().message()};
  const auto probe = [](const AbsentFeature& feature) {
    const auto lab = Lab::make();
    return lab && proves_absence(lab->host(), feature);
  };
  return rule(Evidence{strictness(), *list, probe});
}

}  // namespace

Result<std::vector<AbsentFeature>> parse_absent_features(std::string_view text) {
  std::vector<AbsentFeature> list;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const std::string_view whole = trimmed(line);
    if (whole.empty() || whole.front() == '#') continue;
    const size_t colon = whole.find(": ");
    const size_t hash = whole.rfind(" # ");
    if (colon == std::string_view::npos || hash == std::string_view::npos || hash < colon) {
      return fail(fmt::format("\"{}\" is not \"feature: probe command # why\"", whole));
    }
    list.push_back({std::string(whole.substr(0, colon)), std::string(trimmed(whole.substr(colon + 1, hash - colon - 1))),
                    std::string(trimmed(whole.substr(hash + 2)))});
  }
  return list;
}

Result<std::vector<AbsentFeature>> absent_features() {
  const char* other = std::getenv("POSTERN_ABSENT_LIST");  // where there is no checkout: another kernel under QEMU
  const std::string path = other ? other : POSTERN_SOURCE_DIR "/tests/absent-here.txt";
  std::ifstream file(path);
  if (!file) return fail_errno("open", path);
  std::ostringstream text;
  text << file.rdbuf();
  return parse_absent_features(text.str());
}

Strictness strictness() {
  const char* value = std::getenv("POSTERN_REQUIRE_ALL");
  return value && std::string_view(value) == "1" ? Strictness::require_all : Strictness::usual;
}

Ruling rule_on_feature(std::string_view name, const Evidence& evidence) {
  const AbsentFeature* listed = find(evidence.list, name);
  if (!listed) return {};
  if (evidence.proves_absence(*listed)) return {Ruling::Kind::skip, fmt::format("{} is absent: {}", name, listed->why)};
  if (evidence.strictness == Strictness::usual) return {};
  return {Ruling::Kind::fail, fmt::format("{} is listed as absent, but `{}` does not prove it", name, listed->probe)};
}

Ruling rule_on_miss(std::string_view name, std::string_view why, const Evidence& evidence) {
  const std::string reason = fmt::format("{} is missing: {}", name, why);
  if (evidence.strictness == Strictness::usual) return {Ruling::Kind::skip, reason};
  const AbsentFeature* listed = find(evidence.list, name);
  if (!listed) return {Ruling::Kind::fail, reason + " (and not listed in tests/absent-here.txt)"};
  if (evidence.proves_absence(*listed)) return {Ruling::Kind::skip, reason};
  return {Ruling::Kind::fail, fmt::format("{} (listed, but `{}` does not prove it)", reason, listed->probe)};
}

Ruling rule_on_feature(std::string_view name) {
  return with_own_list([name](const Evidence& evidence) { return rule_on_feature(name, evidence); });
}

Ruling rule_on_miss(std::string_view name, std::string_view why) {
  return with_own_list([name, why](const Evidence& evidence) { return rule_on_miss(name, why, evidence); });
}

bool proves_absence(const Machine& machine, const AbsentFeature& feature) { return machine.sh(feature.probe).ok(); }

}  // namespace postern::lab
