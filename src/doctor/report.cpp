#include "report.h"

#include <fmt/format.h>

#include "remedy.h"

namespace postern::doctor {

namespace {

std::string heading(const Facts& facts) {
  const Caller& caller = facts.caller;
  return fmt::format("Linux {}, user {}{}\n", facts.kernel, caller.uid,
                     caller.name.empty() ? "" : fmt::format(" ({})", caller.name));
}

}  // namespace

std::string to_text(const Facts& facts, const std::vector<Finding>& findings) {
  return heading(facts) + postern::to_text(findings) + conclusion("postern run", findings);
}

}  // namespace postern::doctor
