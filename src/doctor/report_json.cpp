// report_json.cpp - the one file of this room that speaks nlohmann-json, which throws: on what it cannot encode.
#include <nlohmann/json.hpp>

#include "remedy.h"
#include "report.h"

namespace postern::doctor {

std::string to_json(const Facts& facts, const std::vector<Finding>& findings) {
  nlohmann::ordered_json checks = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    checks.push_back({{"check", finding.check},
                      {"status", std::string(name_of(finding.verdict))},
                      {"found", finding.found},
                      {"breaks", finding.breaks},
                      {"remedy", finding.remedy}});
  }
  const nlohmann::ordered_json report = {{"version", 1},
                                         {"run_works", run_works(findings)},
                                         {"kernel", facts.kernel},
                                         {"uid", facts.caller.uid},
                                         {"container", std::string(name_of(facts.around.container))},
                                         {"checks", std::move(checks)}};
  // A name server or a user's name may be any bytes: replaced rather than thrown at.
  return report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace postern::doctor
