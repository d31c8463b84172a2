// requirement.h - what a test does where the kernel or the machine lacks something.
//
//   LAB_REQUIRE_FEATURE("netem")            absent as tests/absent-here.txt says and its probe proves -> a named skip
//   LAB_SKIP_UNLESS(found, "tun", "why")    the test has seen for itself that it is missing           -> a named skip
//
// Under POSTERN_REQUIRE_ALL=1 a skip is a failure, unless the feature stands in that list beside a probe that proves its absence;
// and a feature that is listed and yet present is a failure too, so that the list cannot grow stale.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postern/base/result.h"

#include "machine.h"

namespace postern::lab {

struct AbsentFeature {
  std::string name;
  std::string probe;  // a shell command; status 0 proves that the feature is absent
  std::string why;    // what it means for the tests
};

/// Lines of "feature: probe command # why"; empty lines and lines that start with # are comments.
Result<std::vector<AbsentFeature>> parse_absent_features(std::string_view text);
/// The list of this checkout, tests/absent-here.txt.
Result<std::vector<AbsentFeature>> absent_features();

enum class Strictness { usual, require_all };
Strictness strictness();  // require_all under POSTERN_REQUIRE_ALL=1

struct Ruling {
  enum class Kind { go_on, skip, fail };
  Kind kind = Kind::go_on;
  std::string reason;
};

/// `proves_absence` runs a probe.
struct Evidence {
  Strictness strictness = Strictness::usual;
  const std::vector<AbsentFeature>& list;
  std::function<bool(const AbsentFeature&)> proves_absence;
};
Ruling rule_on_feature(std::string_view name, const Evidence& evidence);
Ruling rule_on_miss(std::string_view name, std::string_view why, const Evidence& evidence);

/// The same with this checkout's list; probes run as root on the host of a lab, where they can change nothing.
Ruling rule_on_feature(std::string_view name);
Ruling rule_on_miss(std::string_view name, std::string_view why);
bool proves_absence(const Machine& machine, const AbsentFeature& feature);

}  // namespace postern::lab

#define LAB_FOLLOW(ruling)                                                                                         \
  if (const ::postern::lab::Ruling lab_ruling = (ruling); lab_ruling.kind == ::postern::lab::Ruling::Kind::fail) { \
    FAIL() << lab_ruling.reason;                                                                                   \
  } else if (lab_ruling.kind == ::postern::lab::Ruling::Kind::skip)                                                \
  GTEST_SKIP() << lab_ruling.reason

#define LAB_REQUIRE_FEATURE(name) LAB_FOLLOW(::postern::lab::rule_on_feature(name))
#define LAB_SKIP_UNLESS(condition, name, why) \
  LAB_FOLLOW((condition) ? ::postern::lab::Ruling() : ::postern::lab::rule_on_miss(name, why))
