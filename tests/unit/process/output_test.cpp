#include "postern/process/output.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "postern/base/unique_fd.h"

namespace postern::process {
namespace {

TEST(OutputOfProgram, IsWhatItWrote) {
  const auto output = output_of_program({"/bin/sh", "-c", "echo one; echo two"});
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_EQ(*output, "one\ntwo\n");
}

TEST(OutputOfProgram, MoreThanAPipeHolds) {
  const auto output = output_of_program({"/bin/sh", "-c", "head -c 300000 /dev/zero"});
  ASSERT_TRUE(output);
  EXPECT_EQ(output->size(), 300'000u);
}

TEST(OutputOfProgram, AStatusIsAnError) {
  const auto output = output_of_program({"/bin/sh", "-c", "echo half; exit 3"});
  ASSERT_FALSE(output);
  EXPECT_TRUE(output.error().is(std::errc::state_not_recoverable));
  EXPECT_NE(output.error().message().find("status 3"), std::string::npos);
}

TEST(OutputOfProgram, AProgramThatIsMissingIsNamed) {
  const auto output = output_of_program({"/nonexistent/program"});
  ASSERT_FALSE(output);
  EXPECT_TRUE(output.error().is(std::errc::no_such_file_or_directory));
  EXPECT_NE(output.error().message().find("/nonexistent/program"), std::string::npos);
}

TEST(OutputOfProgram, InheritsNoDescriptorAndAnEmptyInput) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);  // NOLINT(android-cloexec-pipe): without close-on-exec
  const UniqueFd reader(ends[0]), writer(ends[1]);
  const auto output = output_of_program({"/bin/sh", "-c", "cat; ls /proc/$$/fd | sort -n | tr '\\n' ' '"});
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_EQ(output->find(std::to_string(reader.get()) + " "), std::string::npos) << *output;
  EXPECT_EQ(output->find(std::to_string(writer.get()) + " "), std::string::npos) << *output;
}

}  // namespace
}  // namespace postern::process
