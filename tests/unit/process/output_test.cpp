#include "postern/process/output.h"

#include <fcntl.h>
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
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd pipe_reader(ends[0]), pipe_writer(ends[1]);
  // Without close-on-exec, and far from the numbers that the shell's own pipes have for a moment.
  const UniqueFd reader(::fcntl(ends[0], F_DUPFD, 100)), writer(::fcntl(ends[1], F_DUPFD, 100));  // NOLINT(android-cloexec-*)
  ASSERT_TRUE(reader && writer);
  const auto output = output_of_program({"/bin/sh", "-c", "cat; ls /proc/$$/fd | sort -n | tr '\\n' ' '"});
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_EQ(output->find(std::to_string(reader.get()) + " "), std::string::npos) << *output;
  EXPECT_EQ(output->find(std::to_string(writer.get()) + " "), std::string::npos) << *output;
}

}  // namespace
}  // namespace postern::process
