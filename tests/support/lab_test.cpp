// lab_test.cpp - the fixture.
#include "lab_test.h"

#include <ostream>

namespace postern::lab {

void LabTest::SetUp() {
  auto lab = Lab::make(config());
  LAB_SKIP_UNLESS(lab || !lab.error().is(std::errc::operation_not_permitted), "userns", lab.error().message());
  ASSERT_TRUE(lab) << lab.error().message();
  lab_.emplace(*std::move(lab));
  for (const Server server : servers()) {
    auto started = start(remote(), server);
    LAB_SKIP_UNLESS(started || !started.error().is(std::errc::no_such_file_or_directory), "servers", started.error().message());
    ASSERT_TRUE(started) << started.error().message();
    std::move(started->begin(), started->end(), std::back_inserter(running_));
  }
}

void LabTest::end_lab() {
  running_.clear();
  lab_.reset();
}

void PrintTo(const Outcome& outcome, std::ostream* os) {
  *os << "status " << outcome.status << "\nout: " << outcome.out << "\nerr: " << outcome.err;
}

}  // namespace postern::lab
