#include "postern/process/message_channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace postern::process {
namespace {

class Channel : public ::testing::Test {
 protected:
  std::pair<MessageChannel, MessageChannel> ends = *MessageChannel::make_pair();
};

TEST_F(Channel, ADescriptorArrivesAsADuplicateThatClosesOnExec) {
  int pipe_ends[2];
  ASSERT_EQ(::pipe2(pipe_ends, O_CLOEXEC), 0);
  const UniqueFd read_end(pipe_ends[0]), write_end(pipe_ends[1]);
  ASSERT_TRUE(ends.first.send("take", std::array{write_end.get()}));
  auto message = ends.second.receive();
  ASSERT_TRUE(message && *message);
  EXPECT_EQ((*message)->text, "take");
  ASSERT_EQ((*message)->descriptors.size(), 1u);
  EXPECT_NE((*message)->descriptors[0].get(), write_end.get());
  EXPECT_EQ(::write((*message)->descriptors[0].get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(read_end.get(), &byte, 1), 1);
}

TEST_F(Channel, TheEndOfTheOtherSideIsNoMessage) {
  { const MessageChannel gone = std::move(ends.first); }
  const auto message = ends.second.receive();
  ASSERT_TRUE(message);
  EXPECT_FALSE(*message);
}

TEST_F(Channel, AnErrorTravelsWithItsErrnoAndItsWords) {
  errno = EPERM;
  ASSERT_TRUE(send_outcome(ends.first, Failure(fail_errno("TUNSETIFF", "tap0"))));
  const auto outcome = receive_outcome(ends.second);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message(), "TUNSETIFF tap0: Operation not permitted (EPERM)");
}

TEST_F(Channel, AnErrorWithoutErrnoStaysOne) {
  ASSERT_TRUE(send_outcome(ends.first, Failure(fail("no such thing"))));
  EXPECT_EQ(receive_outcome(ends.second).error().message(), "no such thing");
}

TEST_F(Channel, ASuccessBringsItsAnswer) {
  ASSERT_TRUE(send_outcome(ends.first, std::string("42")));
  EXPECT_EQ(receive_outcome(ends.second)->text, "42");
  ASSERT_TRUE(send_outcome(ends.first, std::string()));
  EXPECT_EQ(receive_outcome(ends.second)->text, "");
}

TEST_F(Channel, AChildThatDiesBeforeItAnswersIsAnError) {
  { const MessageChannel gone = std::move(ends.first); }
  EXPECT_FALSE(receive_outcome(ends.second));
}

}  // namespace
}  // namespace postern::process
