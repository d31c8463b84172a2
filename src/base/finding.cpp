#include "postern/base/finding.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern {

namespace {

bool sets_a_sysctl(const Finding& finding) { return finding.remedy.starts_with("sudo sysctl"); }

std::string verdict_on(std::string_view subject, const std::vector<Finding>& findings) {
  const auto limits =
      std::count_if(findings.begin(), findings.end(), [](const Finding& f) { return f.verdict == Verdict::limited; });
  std::string missing;
  for (const Finding& finding : findings) {
    if (is_missing(finding)) missing += (missing.empty() ? "" : ", ") + finding.check;
  }
  if (!missing.empty()) return fmt::format("{} cannot work here: {} missing\n", subject, missing);
  return limits == 0 ? fmt::format("{} works here\n", subject)
                     : fmt::format("{} works here, within {} limit{}\n", subject, limits, limits == 1 ? "" : "s");
}

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

bool is_missing(const Finding& finding) { return finding.verdict == Verdict::missing; }

std::string to_text(const std::vector<Finding>& findings) {
  size_t width = 11;
  for (const Finding& finding : findings) width = std::max(width, finding.check.size());
  std::string text;
  for (const Finding& finding : findings) {
    text += fmt::format("{:<8} {:<{}} {}\n", name_of(finding.verdict), finding.check, width, finding.found);
    if (!finding.breaks.empty()) text += fmt::format("           breaks: {}\n", finding.breaks);
    if (!finding.remedy.empty()) text += fmt::format("           remedy: {}\n", finding.remedy);
  }
  return text;
}

std::string conclusion(std::string_view subject, const std::vector<Finding>& findings) {
  std::string text = verdict_on(subject, findings);
  if (std::any_of(findings.begin(), findings.end(), sets_a_sysctl)) {
    text += "A sysctl lasts until the next boot; to keep it, put NAME=VALUE into /etc/sysctl.d/90-postern.conf.\n";
  }
  return text;
}

}  // namespace postern
