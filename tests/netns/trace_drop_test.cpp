// trace_drop_test.cpp - packets that do not arrive: `postern trace` says where each ended, and why.
#include "postern_trace_test.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class TraceDrop : public TraceTest {
 protected:
  void SetUp() override {
    TraceTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    LAB_SKIP_UNLESS(has_probes(), "ebpf", "postern trace --probe says why");
    up(kBlue);
    container_ = container_on("blue", at(50, 2));
    ASSERT_TRUE(container_);
  }
  const Container& container() const { return *container_; }

  /// The drops on `machine` that a trace sees while `from` runs what is refused or waits in vain.
  std::vector<Json> drops(const Machine& machine, std::string_view filter, const Machine& from, const std::string& script) const {
    Process tracer = trace(fmt::format("--json '{}'", filter));
    from.sh(script);
    const uint64_t inode = inode_of(machine);
    return only(events(finished(tracer)), [&](const Json& event) { return where(event) == Seen{inode, "drop"}; });
  }
  std::vector<Json> drops(const Machine& machine, std::string_view filter, const std::string& script) const {
    return drops(machine, filter, container(), script);
  }

 private:
  std::optional<Container> container_;
};

TEST_F(TraceDrop, ByARuleNamesTheRuleAndTheKernelsPlace) {
  ASSERT_THAT(host().sh("nft 'table inet wall { chain gate { type filter hook forward priority 5; icmp type echo-request drop "
                        "comment \"no pings\"; icmpv6 type echo-request drop; }; }'"),
              Succeeds());
  for (const auto& [address, text] :
       {std::pair(kRemote4, "icmp type echo-request"), std::pair(kRemote6, "icmpv6 type echo-request")}) {
    const auto found = drops(host(), fmt::format("host {}", address), fmt::format("ping -c1 -W1 {}", address));
    ASSERT_EQ(found.size(), 1U) << testing::PrintToString(found) << ": one drop, one event";
    EXPECT_EQ(text_at(found[0], "/drop/reason"), "NETFILTER_DROP");
    EXPECT_THAT(text_at(found[0], "/drop/where"), Not(IsEmpty()));
    EXPECT_EQ(text_at(found[0], "/rule/chain"), "inet wall gate");
    EXPECT_THAT(text_at(found[0], "/rule/text"), AllOf(HasSubstr(text), HasSubstr("drop")));
    EXPECT_EQ(text_at(found[0], "/rule/verdict"), "drop");
  }
}

TEST_F(TraceDrop, ByAPolicyNamesTheChain) {
  ASSERT_THAT(host().sh("nft 'table inet wall { chain gate { type filter hook forward priority 5; policy drop; }; }'"),
              Succeeds());
  const auto found = drops(host(), "icmp", fmt::format("ping -c1 -W1 {}", kRemote4));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(text_at(found[0], "/rule/chain"), "inet wall gate");
  EXPECT_THAT(text_at(found[0], "/rule/verdict"), HasSubstr("drop"));
}

TEST_F(TraceDrop, WithoutARouteSaysSo) {
  ASSERT_THAT(host().sh("ip route del default"), Succeeds());
  const auto found = drops(host(), "icmp", fmt::format("ping -c1 -W1 {}", kFar4));
  ASSERT_THAT(found, Not(IsEmpty()));
  EXPECT_EQ(text_at(found[0], "/drop/reason"), "IP_INNOROUTES") << found[0].dump();
  EXPECT_EQ(text_at(found[0], "/drop/where"), "ip_error");
}

TEST_F(TraceDrop, ByReversePathFilterSaysSo) {
  ASSERT_THAT(host().sh("sysctl -qw net.ipv4.conf.all.rp_filter=1"), Succeeds());
  ASSERT_THAT(remote().sh("ip addr add 10.50.0.77/32 dev lo"), Succeeds()) << "an address of the bridge's network";
  ASSERT_THAT(remote().sh(fmt::format("ping -c1 -W5 {}", kHost4)), Succeeds()) << "its neighbour is known";
  const auto found = drops(host(), "icmp", remote(), fmt::format("ping -c1 -W1 -I 10.50.0.77 {}", kHost4));
  ASSERT_THAT(found, Not(IsEmpty()));
  EXPECT_EQ(text_at(found[0], "/drop/reason"), "IP_RPFILTER") << found[0].dump();
}

TEST_F(TraceDrop, AtAClosedPortSaysSo) {
  for (const auto& address : {kRemote4, kRemote6}) {
    const auto found = drops(remote(), "udp port 9", fmt::format("postern-probe --udp --limit-ms 300 {} 9 open echo", address));
    ASSERT_THAT(found, Not(IsEmpty()));
    EXPECT_EQ(text_at(found[0], "/drop/reason"), "NO_SOCKET") << found[0].dump();
    const auto syn = drops(remote(), "tcp port 9", fmt::format("postern-probe --limit-ms 300 {} 9 open", address));
    ASSERT_THAT(syn, Not(IsEmpty()));
    EXPECT_EQ(text_at(syn[0], "/drop/reason"), "NO_SOCKET") << syn[0].dump();
  }
}

TEST_F(TraceDrop, ByANewRuleWhileItIsWatchedNamesThatRule) {
  Process tracer = trace("--json icmp");
  ASSERT_THAT(
      host().sh("nft 'table inet wall { chain gate { type filter hook forward priority 5; ip ttl < 255 counter drop; }; }'"),
      Succeeds());
  container().sh(fmt::format("ping -c1 -W1 {}", kRemote4));
  const auto found = only(events(finished(tracer)), [](const Json& event) { return event.value("point", "") == "drop"; });
  ASSERT_THAT(found, Not(IsEmpty()));
  EXPECT_THAT(text_at(found[0], "/rule/text"), HasSubstr("ip ttl < 255"));
}

}  // namespace
}  // namespace postern::lab
