#include "slirp4netns_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace postern::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

struct Reading {
  std::variant<Slirp4netnsOptions, Leave> result;
  std::string out, err;

  bool accepted() const { return std::holds_alternative<Slirp4netnsOptions>(result); }
  const Slirp4netnsOptions& options() const { return std::get<Slirp4netnsOptions>(result); }
  int status() const { return std::get<Leave>(result).status; }
};

Reading read(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "slirp4netns");
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Reading reading{parse_slirp4netns_options(static_cast<int>(arguments.size()), argv.data()), {}, {}};
  reading.out = testing::internal::GetCapturedStdout();
  reading.err = testing::internal::GetCapturedStderr();
  return reading;
}

TEST(Slirp4netnsOptions, LeavesNothingToAutomaticChoice) {
  const Reading reading = read({"42", "tap0"});
  ASSERT_TRUE(reading.accepted()) << reading.err;
  const Slirp4netnsOptions& options = reading.options();
  EXPECT_EQ(std::get<pid_t>(options.target), 42);
  EXPECT_EQ(options.tap, "tap0");
  EXPECT_EQ(options.network.mtu_bytes, 1500U);
  EXPECT_EQ(options.network.cidr->to_string(), "10.0.2.0/24");
  EXPECT_EQ(options.network.ipv6, Choice::off);
  EXPECT_EQ(options.network.host_loopback, stack::HostLoopback::gateway);
  EXPECT_EQ(options.network.dns, stack::Dns::redirected);
  EXPECT_EQ(options.configure, AttachOptions::Configure::no);
  EXPECT_FALSE(options.network.mac || options.network.ready_fd || options.exit_fd);
}

TEST(Slirp4netnsOptions, TakesOptionsAndOperandsInAnyOrder) {
  const Reading reading = read({"42", "-c", "tap0", "--conf", "-m9000", "--enable-ipv6", "-e", "3", "--ready-fd=4"});
  ASSERT_TRUE(reading.accepted()) << reading.err;
  EXPECT_EQ(reading.options().network.mtu_bytes, 9000U);
  EXPECT_EQ(reading.options().network.ipv6, Choice::on);
  EXPECT_EQ(reading.options().exit_fd, 3);
  EXPECT_EQ(reading.options().network.ready_fd, 4);
  EXPECT_EQ(reading.options().configure, AttachOptions::Configure::yes);
}

TEST(Slirp4netnsOptions, TheLastOfTwoValuesHolds) {
  EXPECT_EQ(read({"-m", "900", "--mtu=800", "1", "t"}).options().network.mtu_bytes, 800U);
}

TEST(Slirp4netnsOptions, OldNamesMeanTheNewOnesAndWarn) {
  const Reading reading = read({"--no-host-loopback", "--create-sandbox", "1", "tap0"});
  ASSERT_TRUE(reading.accepted());
  EXPECT_EQ(reading.options().network.host_loopback, stack::HostLoopback::closed);
  EXPECT_EQ(reading.options().sandbox, Slirp4netnsOptions::Asked::yes);
  EXPECT_THAT(reading.out, StartsWith("WARNING: --no-host-loopback"));
  EXPECT_THAT(reading.out, HasSubstr("\nWARNING: --create-sandbox"));
}

TEST(Slirp4netnsOptions, AnEmptyDescriptorIsZero) { EXPECT_EQ(read({"-r", "", "1", "tap0"}).options().network.ready_fd, 0); }

TEST(Slirp4netnsOptions, DescriptorsStayWithinAnInt) { EXPECT_FALSE(read({"-r", "4294967297", "1", "tap0"}).accepted()); }

TEST(Slirp4netnsOptions, ProcessesStayWithinAnInt) { EXPECT_FALSE(read({"4294967297", "tap0"}).accepted()); }

TEST(Slirp4netnsOptions, AFurtherOperandIsWarnedOf) {
  const Reading reading = read({"1", "tap0", "more"});
  EXPECT_TRUE(reading.accepted());
  EXPECT_EQ(reading.out, "WARNING: too many arguments\n");
}

TEST(Slirp4netnsOptions, AMisuseShowsTheUsageAndAWrongValueDoesNot) {
  const Reading misuse = read({"-m", "0", "1", "tap0"});
  EXPECT_EQ(misuse.status(), 1);
  EXPECT_THAT(misuse.out, StartsWith("Usage: "));
  const Reading wrong = read({"--cidr", "foo", "1", "tap0"});
  EXPECT_EQ(wrong.status(), 1);
  EXPECT_THAT(wrong.out, IsEmpty());
  EXPECT_EQ(wrong.err, "invalid CIDR: foo\n");
}

TEST(Slirp4netnsOptions, NetworksHaveOneTo25Bits) {
  EXPECT_EQ(read({"--cidr=128.0.0.0/1", "1", "tap0"}).options().network.cidr->to_string(), "128.0.0.0/1");
  EXPECT_EQ(read({"--cidr=10.0.2.128/25", "1", "tap0"}).options().network.cidr->to_string(), "10.0.2.128/25");
  for (const char* text : {"10.0.2.0/26", "10.0.2.0/99", "0.0.0.0/0"})
    EXPECT_EQ(read({"--cidr", text, "1", "tap0"}).err, "prefix length needs to be 1-25\n") << text;
}

TEST(Slirp4netnsOptions, NetworksAreOfOneShape) {
  for (const std::string text : {"", "/", "10.0.2/24", "10.0.2.0.0/24", "10..2.0/24", "10.0.2.0/", "10.0.2.0/2 ", " 10.0.2.0/24",
                                 "10.0.2.0/24/24", "10.0.2.0x/24", "-1.0.2.0/24"})
    EXPECT_EQ(read({"--cidr", text, "1", "tap0"}).err, "invalid CIDR: " + text + "\n");
}

TEST(Slirp4netnsOptions, AMacHasSixGroups) {
  EXPECT_EQ(read({"-c", "--macaddress", "2:0:5E:00:53:1", "1", "tap0"}).options().network.mac->to_string(), "02:00:5e:00:53:01");
  for (const char* text : {"", "xx", "02:00:5e", "02:00:5e:00:53:01:02", "02:00:5e:00:53:", "02:00:5e:00:53:001",
                           "02-00-5e-00-53-01", "02:00:5e:00:53:0x", "01:00:5e:00:53:01"})
    EXPECT_FALSE(read({"-c", "--macaddress", text, "1", "tap0"}).accepted()) << text;
}

TEST(Slirp4netnsOptions, DeviceNamesAreTheKernels) {
  EXPECT_TRUE(read({"1", "fifteen-letters"}).accepted());
  for (const char* name : {"sixteen-letters-", "tap%d", "a/b", ""}) {
    const Reading reading = read({"1", name});
    ASSERT_FALSE(reading.accepted()) << name;
    EXPECT_EQ(std::count(reading.err.begin(), reading.err.end(), '\n'), 1) << reading.err;
  }
}

TEST(Slirp4netnsOptions, OutboundIsAnAddressOfItsFamilyOrAName) {
  EXPECT_EQ(read({"--outbound-addr", "eth0", "--outbound-addr6", "::1", "1", "t"}).options().network.outbound6, "::1");
  EXPECT_THAT(read({"--outbound-addr", "::1", "1", "t"}).err, StartsWith("outbound-addr has to be valid ipv4"));
  EXPECT_THAT(read({"--outbound-addr6", "127.0.0.1", "1", "t"}).err, StartsWith("outbound-addr6 has to be valid ipv6"));
}

TEST(Slirp4netnsOptions, NetnsTypesButTwoArePaths) {
  EXPECT_EQ(std::get<std::string>(read({"--netns-type=path", "/proc", "t"}).options().target), "/proc");
  EXPECT_EQ(std::get<std::string>(read({"--netns-type=other", "/proc", "t"}).options().target), "/proc");
  EXPECT_EQ(std::get<TapDescriptor>(read({"--netns-type=tapfd", "7"}).options().target).fd, 7);
}

TEST(Slirp4netnsOptions, ABessSocketConflictsWithNamespaces) {
  EXPECT_EQ(std::get<BessSocket>(read({"--target-type=bess", "/tmp/s"}).options().target).path, "/tmp/s");
  EXPECT_EQ(read({"--target-type=bess", "-c", "s"}).err, "--configure conflicts with --target-type=bess\n");
  EXPECT_EQ(read({"--target-type=bess", std::string(108, 'x')}).status(), 1);
}

TEST(Slirp4netnsOptions, SocketPathsFitTheKernels) {
  EXPECT_TRUE(read({"-a", std::string(107, 'x'), "1", "tap0"}).accepted());
  EXPECT_EQ(read({"-a", std::string(108, 'x'), "1", "tap0"}).err, "the specified API socket path is too long (>= 108)\n");
}

TEST(Slirp4netnsOptions, OnlyOneLineOfTheVersionHasTheWord) {
  const std::string out = read({"--version"}).out;
  EXPECT_THAT(out, StartsWith("slirp4netns version 1.3.2+postern."));
  EXPECT_EQ(out.find("version"), out.rfind("version")) << "docker takes the last line that has it";
  EXPECT_THAT(out, HasSubstr("\ncommit: "));
}

TEST(Slirp4netnsOptions, TheNameIsTheLastPartOfTheProgram) {
  std::string names[] = {"slirp4netns", "/usr/bin/slirp4netns", "postern", "slirp4netns-old", "/slirp4netns/postern"};
  const bool called[] = {true, true, false, false, false};
  for (size_t i = 0; i < 5; ++i) {
    char* argv[] = {names[i].data(), nullptr};
    EXPECT_EQ(is_called_slirp4netns(1, argv), called[i]) << names[i];
  }
  EXPECT_FALSE(is_called_slirp4netns(0, nullptr));
}

}  // namespace
}  // namespace postern::cli
