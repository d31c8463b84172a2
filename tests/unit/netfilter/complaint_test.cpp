// What libnftables 1.0.6 printed, and the errors it means.
#include "complaint.h"

#include <gtest/gtest.h>

namespace postern::netfilter {
namespace {

TEST(Complaint, OfTheKernelHasItsErrno) {
  const Error error = parse_complaint(
      "Error: Could not process rule: File exists\n"
      "create table inet postern\n"
      "                  ^^^^^^^\n");
  EXPECT_TRUE(error.is(std::errc::file_exists));
  EXPECT_EQ(error.context, "Could not process rule");
}

TEST(Complaint, MayBeNothingButTheErrno) {
  const Error error = parse_complaint("Error: No such file or directory\nlist table inet nothere\n                ^^^^^^^\n");
  EXPECT_TRUE(error.is(std::errc::no_such_file_or_directory));
  EXPECT_EQ(error.context, "");
}

TEST(Complaint, LosesTheGuess) {
  const Error error = parse_complaint("Error: No such file or directory; did you mean table ‘postern’ in family inet?\nx\n");
  EXPECT_TRUE(error.is(std::errc::no_such_file_or_directory));
  EXPECT_EQ(error.context, "");
}

TEST(Complaint, FollowsWarningsAndNames) {
  EXPECT_TRUE(parse_complaint("Warning: table inet x is in use\nError: Could not process rule: Device or resource busy\n")
                  .is(std::errc::device_or_resource_busy));
  EXPECT_TRUE(parse_complaint("netlink: Error: cache initialization failed: Operation not permitted\n")
                  .is(std::errc::operation_not_permitted));
}

TEST(Complaint, OfTheLanguageHasNoErrno) {
  const Error error = parse_complaint("Error: syntax error, unexpected newline, expecting string\nadd elephant\n            ^\n");
  EXPECT_FALSE(error.code);
  EXPECT_EQ(error.context, "syntax error, unexpected newline, expecting string");
  EXPECT_FALSE(parse_complaint("Error: the map says that File exists\n").code) << "only a part of its own is an errno";
}

TEST(Complaint, OfAnElementThatIsNotInAnIntervalSetIsNoErrnosOwn) {
  EXPECT_TRUE(parse_complaint("Error: element does not exist\ndelete element inet t s { 1-2 }\n                            ^^^\n")
                  .is(std::errc::no_such_file_or_directory));
}

TEST(Complaint, MayBeMissing) {
  EXPECT_EQ(parse_complaint("").context, "libnftables failed without a word");
  EXPECT_EQ(parse_complaint("\n").context, "libnftables failed without a word");
}

}  // namespace
}  // namespace postern::netfilter
