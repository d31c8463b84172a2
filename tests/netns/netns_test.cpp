// netns_test.cpp - the netns room's TAP against the running kernel, which says by ethtool's ioctl what it leaves to us.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "postern/netns/tap.h"

#include "requirement.h"

namespace postern::netns {
namespace {

/// New user and network namespaces for this process. False if this kernel does not let the caller.
bool enter_own_namespaces() {
  const std::string uid = std::to_string(::geteuid()), gid = std::to_string(::getegid());
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) return false;
  const std::array<std::array<std::string, 2>, 3> files = {
      {{"setgroups", "deny"}, {"uid_map", "0 " + uid + " 1"}, {"gid_map", "0 " + gid + " 1"}}};
  for (const auto& [name, text] : files) std::ofstream("/proc/self/" + name) << text << std::flush;
  return true;
}

/// Gives a request of ethtool, and then its answer, to the kernel as the 32-bit words that its structs are.
bool ask_of_tap(std::vector<uint32_t>& words) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq about{};
  std::strcpy(about.ifr_name, "tap0");
  about.ifr_data = reinterpret_cast<char*>(words.data());
  return ::ioctl(socket.get(), SIOCETHTOOL, &about) == 0;
}

/// What tap0's kernel leaves to us: "csum tso4 tso6". ETHTOOL_GSTRINGS says which bit of ETHTOOL_GFEATURES is what.
std::string told_offloads() {
  constexpr uint32_t kMaxFeatures = 256, kBlocks = kMaxFeatures / 32;
  std::vector<uint32_t> names(3 + kMaxFeatures * ETH_GSTRING_LEN / 4), set(2 + kBlocks * 4);
  std::copy_n(std::array{uint32_t{ETHTOOL_GSTRINGS}, uint32_t{ETH_SS_FEATURES}}.begin(), 2, names.begin());
  std::copy_n(std::array{uint32_t{ETHTOOL_GFEATURES}, kBlocks}.begin(), 2, set.begin());
  if (!ask_of_tap(names) || !ask_of_tap(set)) return "ethtool failed";
  const std::map<std::string, std::string> known = {{"tx-checksum-ip-generic", "csum"},
                                                    {"tx-tcp-segmentation", "tso4"},
                                                    {"tx-tcp6-segmentation", "tso6"},
                                                    {"tx-udp-segmentation", "uso"}};
  std::set<std::string> told;
  for (uint32_t bit = 0; bit < kMaxFeatures; ++bit) {
    const auto name = known.find(reinterpret_cast<const char*>(&names[3 + bit * ETH_GSTRING_LEN / 4]));
    const uint32_t active = set[2 + bit / 32 * 4 + 2];  // of {available, requested, active, never_changed}
    if (name != known.end() && (active >> bit % 32 & 1) != 0) told.insert(name->second);
  }
  return fmt::format("{}", fmt::join(told, " "));
}

class Tap : public testing::Test {
 protected:
  void SetUp() override {
    LAB_SKIP_UNLESS(::access("/dev/net/tun", R_OK | W_OK) == 0, "tun", "/dev/net/tun is not rw for all");
    if (!enter_own_namespaces()) GTEST_SKIP() << "missing: user namespaces";
  }
  void open(TapFraming framing) {
    tap.reset();
    auto opened = open_tap("tap0", framing);
    ASSERT_TRUE(opened) << opened.error().message();
    tap = std::move(*opened);
  }
  /// What is granted of `wanted`, and what the kernel then says.
  std::string accepted(Offload wanted, Offload& granted) {
    const auto result = accept_superframes(tap.get(), wanted);
    if (!result) return result.error().message();
    granted = *result;
    return told_offloads();
  }
  UniqueFd tap;
};

struct Case {
  const char* missing;
  Offload wanted;
  Offload granted;
  const char* told;
};

TEST_F(Tap, TheKernelLeavesToUsWhatIsWantedAndNoMore) {
  open(TapFraming::vnet);
  for (const Case& each : {Case{"", Offload::none, Offload::none, ""},
                           {"", Offload::checksums, Offload::checksums, "csum"},
                           {"", Offload::tcp4, Offload::tcp4, "csum tso4"},
                           {"", Offload::tcp4_and_tcp6, Offload::tcp4_and_tcp6, "csum tso4 tso6"},
                           {"", Offload::tcp_and_udp, Offload::tcp_and_udp, "csum tso4 tso6 uso"},
                           {"", Offload::tcp4, Offload::tcp4, "csum tso4"}}) {
    Offload granted{};
    EXPECT_EQ(accepted(each.wanted, granted), each.told);
    EXPECT_EQ(granted, each.granted) << each.told;
  }
}

TEST_F(Tap, WhatTheKernelRefusesIsSteppedDownFrom) {
  open(TapFraming::vnet);
  for (const Case& each : {Case{"uso", Offload::tcp_and_udp, Offload::tcp4_and_tcp6, "csum tso4 tso6"},
                           {"tso", Offload::tcp_and_udp, Offload::checksums, "csum"},
                           {"tso", Offload::tcp4_and_tcp6, Offload::checksums, "csum"},
                           {"tso", Offload::tcp4, Offload::checksums, "csum"},
                           {"tso", Offload::none, Offload::none, ""},
                           {"csum", Offload::tcp4_and_tcp6, Offload::none, ""},
                           {"csum", Offload::checksums, Offload::none, ""}}) {
    ::setenv("POSTERN_PRETEND_MISSING", each.missing, 1);
    Offload granted{};
    EXPECT_EQ(accepted(each.wanted, granted), each.told);
    EXPECT_EQ(granted, each.granted) << "without " << each.missing;
  }
  ::unsetenv("POSTERN_PRETEND_MISSING");
}

TEST_F(Tap, OneThatSomebodyElseOpenedGetsOffloadsWhereItsFramingHasRoom) {
  open(TapFraming::vnet);
  const auto vnet = adopt_tap(tap.get(), Offload::tcp4_and_tcp6);
  ASSERT_TRUE(vnet) << vnet.error().message();
  EXPECT_EQ(vnet->framing, TapFraming::vnet);
  EXPECT_EQ(vnet->offload, Offload::tcp4_and_tcp6);
  EXPECT_EQ(told_offloads(), "csum tso4 tso6");

  open(TapFraming::bare);
  const auto bare = adopt_tap(tap.get(), Offload::tcp4_and_tcp6);
  ASSERT_TRUE(bare) << bare.error().message();
  EXPECT_EQ(bare->framing, TapFraming::bare);
  EXPECT_EQ(bare->offload, Offload::none);
  EXPECT_EQ(told_offloads(), "");
}

TEST_F(Tap, ADescriptorOfSomethingElseIsAnError) {
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_FALSE(accept_superframes(null.get(), Offload::tcp4));
  EXPECT_FALSE(adopt_tap(null.get(), Offload::tcp4));
}

}  // namespace
}  // namespace postern::netns
