#include "diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "checks.h"
#include "remedy.h"

namespace postern::doctor {

namespace {

/// One line that mends all that the container itself takes away; the findings below it say what each option is for.
Finding check_container(const Facts& facts, const std::vector<Finding>& others) {
  if (facts.around.container == Container::none)
    return {"container", Verdict::ok, "not inside a container that is known", "", ""};
  constexpr std::array<std::string_view, 8> its_own = {"userns", "netns", "mntns", "pidns", "mounts", "tun", "proc", "sysctl"};
  std::string taken;
  for (const Finding& finding : others) {
    const bool problem = finding.verdict == Verdict::missing || finding.verdict == Verdict::limited;
    if (!problem || std::find(its_own.begin(), its_own.end(), finding.check) == its_own.end()) continue;
    taken += (taken.empty() ? "" : ", ") + finding.check;
  }
  const std::string found = fmt::format("inside {}", name_of(facts.around.container));
  if (taken.empty()) return {"container", Verdict::ok, found, "", ""};
  return {"container", Verdict::limited, found, taken, container_options(facts.around)};
}

enum class Wording { remedy_alone, with_cause };  // alone: the error has named the thing already
struct Explanation {
  std::string_view mentioned;  // in the error's context
  std::vector<std::string_view> checks;
  Wording wording;
};

const Finding* first_problem(const std::vector<Finding>& findings, const std::vector<std::string_view>& checks) {
  for (const std::string_view check : checks) {
    const auto finding = std::find_if(findings.begin(), findings.end(), [&](const Finding& f) { return f.check == check; });
    const bool problem =
        finding != findings.end() && (finding->verdict == Verdict::missing || finding->verdict == Verdict::limited);
    if (problem && !finding->remedy.empty()) return &*finding;
  }
  return nullptr;
}

}  // namespace

std::vector<Finding> diagnose(const Facts& facts) {
  std::vector<Finding> findings;
  for (const auto& group :
       {check_namespaces(facts), check_tap(facts), check_kernel(facts), check_privileges(facts), check_network(facts)}) {
    findings.insert(findings.end(), group.begin(), group.end());
  }
  findings.push_back(check_container(facts, findings));
  constexpr std::array<std::string_view, 7> needed = {"userns", "netns", "mntns", "pidns", "mounts", "tun", "pidfd"};
  std::stable_partition(findings.begin(), findings.end(), [&](const Finding& finding) {
    return std::find(needed.begin(), needed.end(), finding.check) != needed.end();
  });
  return findings;
}

bool run_works(const std::vector<Finding>& findings) {
  return std::none_of(findings.begin(), findings.end(),
                      [](const Finding& finding) { return finding.verdict == Verdict::missing; });
}

std::string explain(const Error& error, const std::vector<Finding>& findings) {
  const bool explains_itself = error.context.find(" (") != std::string::npos;
  if (explains_itself) return {};
  using enum Wording;
  const std::array<Explanation, 5> explanations{{
      {"/dev/net/tun", {"tun"}, remedy_alone},
      {"TUNSETIFF", {"userns", "tun"}, with_cause},
      {"newuidmap", {"privileges", "subid"}, with_cause},
      {"newgidmap", {"privileges", "subid"}, with_cause},
      {"make namespaces", {"userns", "netns", "mntns", "pidns", "mounts", "pidfd"}, with_cause},
  }};
  for (const auto& [mentioned, checks, wording] : explanations) {
    if (error.context.find(mentioned) == std::string::npos) continue;
    const Finding* finding = first_problem(findings, checks);
    if (!finding) return {};
    return wording == remedy_alone ? finding->remedy : fmt::format("{}: {}", finding->found, finding->remedy);
  }
  return {};
}

}  // namespace postern::doctor
