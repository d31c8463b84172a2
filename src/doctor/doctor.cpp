#include "postern/doctor/doctor.h"

#include <cstdio>

#include "postern/base/log.h"

#include "diagnosis.h"
#include "gather.h"
#include "report.h"

namespace postern::doctor {

int run_doctor(Format format) {
  const Facts facts = gather();
  const std::vector<Finding> findings = diagnose(facts);
  const std::string report = format == Format::json ? to_json(facts, findings) : to_text(facts, findings);
  if (std::fputs(report.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    log::error("{}", fail_errno("write the report").value().message());
    return 1;
  }
  return run_works(findings) ? 0 : 1;
}

std::string remedy_for(const Error& error) { return explain(error, diagnose(gather())); }

}  // namespace postern::doctor
