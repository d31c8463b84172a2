#include "postern/command/command_line.h"

#include <gtest/gtest.h>

namespace postern::command {
namespace {

using Presence = CommandLine::Operand::Presence;

struct CommandLineTest : testing::Test {
  CommandLineTest() {
    line.values(ports, {"-p,--publish", "ports", "SPEC"});
    line.value(mtu, {"--mtu", "bytes", "BYTES"});
    line.flag(ipv6, {"--ipv6", "IPv6"});
    line.flag(no_ipv6, {.names = "--no-ipv6", .help = "none", .excludes = "--ipv6"});
  }
  int status_of(std::vector<std::string> arguments) {
    testing::internal::CaptureStderr();
    const auto leave = line.parse(std::move(arguments), 125);
    told = testing::internal::GetCapturedStderr();
    return leave ? leave->status : 0;
  }
  CommandLine line{{.name = "bridge up", .usage = "postern bridge up", .description = "Make.", .examples = "\nExamples:"}};
  std::vector<std::string> ports;
  std::string mtu, told;
  bool ipv6 = false, no_ipv6 = false;
};

TEST_F(CommandLineTest, ReadsWhatIsTyped) {
  EXPECT_FALSE(line.parse({"-p", "80:80", "--mtu=1400", "--publish", "90:90", "--ipv6"}));
  EXPECT_EQ(ports, (std::vector<std::string>{"80:80", "90:90"}));
  EXPECT_EQ(mtu, "1400");
  EXPECT_TRUE(ipv6);
}

TEST_F(CommandLineTest, ErrorsNameTheCommandAndWhereHelpIs) {
  EXPECT_EQ(status_of({"--mut", "1400"}), 125);
  EXPECT_NE(told.find("bridge up: "), std::string::npos) << told;
  EXPECT_NE(told.find("(postern bridge up --help)"), std::string::npos) << told;
}

TEST_F(CommandLineTest, OptionsThatExcludeEachOtherAreRefusedInEitherOrder) {
  EXPECT_EQ(status_of({"--no-ipv6", "--ipv6"}), 125);
  EXPECT_EQ(status_of({"--ipv6", "--no-ipv6"}), 125);
}

TEST_F(CommandLineTest, HelpIsAnsweredAndEndsWell) {
  testing::internal::CaptureStdout();
  const auto leave = line.parse({"--help"});
  const std::string help = testing::internal::GetCapturedStdout();
  ASSERT_TRUE(leave);
  EXPECT_EQ(leave->status, 0);
  EXPECT_NE(help.find("Usage: postern bridge up\n"), std::string::npos) << help;
  EXPECT_NE(help.find("-p,--publish SPEC"), std::string::npos) << help;
}

TEST_F(CommandLineTest, AProgramBeginsAfterTheMarkerOrAtTheFirstWordThatIsNoValue) {
  EXPECT_EQ(line.find_program({"--mtu", "1400", "ls", "--ipv6"}), 2u);
  EXPECT_EQ(line.find_program({"--mtu=1400", "ls"}), 1u);
  EXPECT_EQ(line.find_program({"--ipv6", "--", "ls"}), 1u);
  EXPECT_EQ(line.find_program({"--mtu"}), 1u);
}

TEST_F(CommandLineTest, AnOperandThatIsRequiredIsAskedFor) {
  std::string name;
  line.operand(name, {"NAME", "the network"});
  EXPECT_EQ(status_of({"--ipv6"}), 125);
  EXPECT_NE(told.find("NAME"), std::string::npos) << told;
}

}  // namespace
}  // namespace postern::command
