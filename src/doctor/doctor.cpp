#include "postern/doctor/doctor.h"

#include <cstdio>

#include "diagnosis.h"
#include "gather.h"
#include "report.h"

namespace postern::doctor {

int run_doctor(Format format) {
  const Facts facts = gather();
  const std::vector<Finding> findings = diagnose(facts);
  const std::string report = format == Format::json ? to_json(facts, findings) : to_text(facts, findings);
  std::fputs(report.c_str(), stdout);
  const bool written = std::fflush(stdout) == 0;
  return written && run_works(findings) ? 0 : 1;
}

std::string remedy_for(const Error& error) { return explain(error, diagnose(gather())); }

}  // namespace postern::doctor
