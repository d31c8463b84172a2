#include "loss.h"

#include <fmt/format.h>

namespace postern::trace_cli {

std::string Loss::text() const {
  std::string of_rules =
      rule_messages == 0
          ? ""
          : fmt::format("{} messages about rules were lost, perhaps of packets that were not asked for", rule_messages);
  if (events == 0) return of_rules;
  return fmt::format("{} events were lost: more came than could be taken{}{}", events, of_rules.empty() ? "" : "; ", of_rules);
}

}  // namespace postern::trace_cli
