#include "report.h"

#include <fmt/format.h>

#include <algorithm>

#include "remedy.h"

namespace postern::doctor {

namespace {

std::string heading(const Facts& facts) {
  const Caller& caller = facts.caller;
  return fmt::format("Linux {}, user {}{}\n", facts.kernel, caller.uid,
                     caller.name.empty() ? "" : fmt::format(" ({})", caller.name));
}

std::string conclusion(const std::vector<Finding>& findings) {
  const auto limits =
      std::count_if(findings.begin(), findings.end(), [](const Finding& f) { return f.verdict == Verdict::limited; });
  std::string missing;
  for (const Finding& finding : findings) {
    if (finding.verdict == Verdict::missing) missing += (missing.empty() ? "" : ", ") + finding.check;
  }
  if (!missing.empty()) return fmt::format("postern run cannot work here: {} missing\n", missing);
  return limits == 0 ? "postern run works here\n"
                     : fmt::format("postern run works here, within {} limit{}\n", limits, limits == 1 ? "" : "s");
}

bool sets_a_sysctl(const Finding& finding) { return finding.remedy.starts_with("sudo sysctl"); }

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok: return "ok";
    case Verdict::limited: return "limited";
    case Verdict::missing: return "missing";
    case Verdict::unknown: return "unknown";
  }
  return {};
}

std::string to_text(const Facts& facts, const std::vector<Finding>& findings) {
  std::string text = heading(facts);
  for (const Finding& finding : findings) {
    text += fmt::format("{:<8} {:<11} {}\n", name_of(finding.verdict), finding.check, finding.found);
    if (!finding.breaks.empty()) text += fmt::format("           breaks: {}\n", finding.breaks);
    if (!finding.remedy.empty()) text += fmt::format("           remedy: {}\n", finding.remedy);
  }
  text += conclusion(findings);
  if (std::any_of(findings.begin(), findings.end(), sets_a_sysctl)) {
    text += "A sysctl lasts until the next boot; to keep it, put NAME=VALUE into /etc/sysctl.d/90-postern.conf.\n";
  }
  return text;
}

}  // namespace postern::doctor
