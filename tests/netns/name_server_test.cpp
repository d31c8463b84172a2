// name_server_test.cpp - the DNS server of a bridge network (src/bridge/name_server.h), asked by dig from a container's
// namespace.
//
//   container (netns)  eth0 10.209.0.9 ══ veth ══ port ── blue 10.209.0.1, fd00:209::1   host   eth0 ══ remote: DNS
//
// postern-names is that door for scripts; it runs on the lab's host, as `postern bridge` does on a real one.
#include <fmt/format.h>

#include <algorithm>

#include "lab_test.h"
#include "topology.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::string_view kFolder = "/run/names";
constexpr std::string_view kGateways = "10.209.0.1 fd00:209::1";

class NameServer : public LabTest {
 protected:
  std::vector<Server> servers() const override { return {Server::dns}; }

  void SetUp() override {
    LabTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_THAT(
        host().sh(fmt::format("umask 077; mkdir -m 755 {}; ip link add blue type bridge; ip address add 10.209.0.1/24 dev blue;"
                              "ip address add fd00:209::1/64 dev blue nodad; ip link set blue up",
                              kFolder)),
        Succeeds());
  }

  void TearDown() override {
    if (!IsSkipped()) {
      EXPECT_THAT(names(fmt::format("stop {}", kFolder)), Succeeds());
    }
    LabTest::TearDown();
  }

  Outcome names(const std::string& words) const { return host().sh("umask 077; postern-names " + words); }
  Outcome start(std::string_view kind) const { return names(fmt::format("start {} blue blue {} {}", kFolder, kind, kGateways)); }

  /// A namespace behind a veth, as `bridge attach` would make it.
  void connect_container() {
    auto container = host().spawn({.argv = {"unshare", "--net", "sh", "-c", "echo ready; exec sleep 1000"}});
    ASSERT_TRUE(container);
    container_.emplace(std::move(*container));
    ASSERT_TRUE(wait_until([&] { return container_->out() == "ready\n"; }));
    ASSERT_THAT(host().sh(fmt::format("ip link add port master blue type veth peer name eth0 netns {0}; ip link set port up;"
                                      "nsenter -t {0} -n sh -c 'ip link set lo up; ip address add 10.209.0.9/24 dev eth0;"
                                      "ip address add fd00:209::9/64 dev eth0 nodad; ip link set eth0 up'",
                                      container_->pid())),
                Succeeds());
  }
  Outcome dig(const std::string& question) const {
    const std::string options = question.find('@') == question.npos ? "@10.209.0.1 " : "";
    return host().sh(fmt::format("nsenter -t {} -n dig +time=3 +tries=2 {}{}", container_->pid(), options, question));
  }
  std::string answer(const std::string& question) const { return dig("+short " + question).out; }

  /// Of ours: the remote's has another configuration.
  bool any_server() const { return host().sh(fmt::format("grep -qsaz -e {}/dnsmasq[.]conf /proc/[0-9]*/cmdline", kFolder)).ok(); }

 private:
  std::optional<Process> container_;
};

TEST_F(NameServer, AnswersForWhatIsAddedAndForgetsWhatIsRemoved) {
  ASSERT_THAT(start("forwards"), Succeeds());
  ASSERT_NO_FATAL_FAILURE(connect_container());
  EXPECT_EQ(answer("web"), "");
  ASSERT_THAT(names("add /run/names web.eth0 web,www 10.209.0.2 fd00:209::2"), Succeeds());
  for (const char* name : {"web", "www", "web.blue", "WEB"}) {
    EXPECT_EQ(answer(std::string(name) + " A"), "10.209.0.2\n") << name;
    EXPECT_EQ(answer(std::string(name) + " AAAA"), "fd00:209::2\n") << name;
  }
  EXPECT_EQ(answer("+tcp web A"), "10.209.0.2\n");
  EXPECT_EQ(answer("@fd00:209::1 web A"), "10.209.0.2\n");
  EXPECT_THAT(dig("web A").out, HasSubstr("\t0\tIN")) << "a container that comes again may have another address";
  ASSERT_THAT(names("add /run/names db.eth0 db 10.209.0.3"), Succeeds());
  ASSERT_THAT(names("remove /run/names web.eth0"), Succeeds());
  for (const char* name : {"web", "www", "web.blue"}) EXPECT_EQ(answer(name), "") << name;
  EXPECT_EQ(answer("db"), "10.209.0.3\n");
  EXPECT_THAT(names("remove /run/names web.eth0"), Succeeds());
}

TEST_F(NameServer, WhatComesAgainUnderOneIdReplacesWhatWas) {
  ASSERT_THAT(start("forwards"), Succeeds());
  ASSERT_NO_FATAL_FAILURE(connect_container());
  ASSERT_THAT(names("add /run/names web.eth0 web,old 10.209.0.2"), Succeeds());
  EXPECT_EQ(answer("web"), "10.209.0.2\n");
  ASSERT_THAT(names("add /run/names web.eth0 web 10.209.0.7"), Succeeds());
  EXPECT_EQ(answer("web"), "10.209.0.7\n");
  EXPECT_EQ(answer("old"), "");
}

TEST_F(NameServer, KnowsNamesThatWereAddedBeforeItStarted) {
  ASSERT_THAT(names("add /run/names web.eth0 web 10.209.0.2"), Succeeds());
  ASSERT_THAT(start("forwards"), Succeeds());
  ASSERT_NO_FATAL_FAILURE(connect_container());
  EXPECT_EQ(answer("web"), "10.209.0.2\n");
}

TEST_F(NameServer, ForwardsWhatItDoesNotKnowToTheHostsServers) {
  ASSERT_THAT(start("forwards"), Succeeds());
  ASSERT_NO_FATAL_FAILURE(connect_container());
  EXPECT_EQ(answer(fmt::format("{} A", kName)), fmt::format("{}\n", kRemote4));
  EXPECT_EQ(answer(fmt::format("@fd00:209::1 {} AAAA", kName)), fmt::format("{}\n", kRemote6));
  EXPECT_EQ(answer(fmt::format("{} TXT", kLargeName)).size(), 16U * 253);
}

TEST_F(NameServer, OfAnInternalNetworkForwardsNothing) {
  ASSERT_THAT(start("internal"), Succeeds());
  ASSERT_NO_FATAL_FAILURE(connect_container());
  ASSERT_THAT(names("add /run/names web.eth0 web 10.209.0.2"), Succeeds());
  EXPECT_THAT(dig(fmt::format("{} A", kName)).out, AllOf(HasSubstr("NXDOMAIN"), HasSubstr("ANSWER: 0")));
  EXPECT_EQ(answer("web"), "10.209.0.2\n");
  EXPECT_THAT(dig("web AAAA").out, AllOf(HasSubstr("NOERROR"), HasSubstr("ANSWER: 0")));
}

TEST_F(NameServer, ListensAtTheGatewayAlone) {
  ASSERT_THAT(start("forwards"), Succeeds());
  EXPECT_EQ(host().sh("ss -Hlntu sport = 53 | awk '{print $5}' | sort").out,
            "10.209.0.1:53\n10.209.0.1:53\n[fd00:209::1]:53\n[fd00:209::1]:53\n");
}

TEST_F(NameServer, RunsOnceAndAsNobody) {
  ASSERT_THAT(start("forwards"), Succeeds());
  const std::string pid = host().sh("cat /run/names/dnsmasq.pid").out;
  ASSERT_THAT(start("forwards"), Succeeds());
  EXPECT_EQ(host().sh("cat /run/names/dnsmasq.pid").out, pid) << "it was started again";
  EXPECT_EQ(host().sh("ps -o user= -p $(cat /run/names/dnsmasq.pid)").out, "nobody\n");
  EXPECT_EQ(host().sh("ps -o ppid= -p $(cat /run/names/dnsmasq.pid) | tr -d ' '").out, "1\n");
}

TEST_F(NameServer, AnotherPlanReplacesIt) {
  ASSERT_THAT(start("forwards"), Succeeds());
  ASSERT_THAT(start("internal"), Succeeds());
  ASSERT_NO_FATAL_FAILURE(connect_container());
  EXPECT_THAT(dig(fmt::format("{} A", kName)).out, HasSubstr("NXDOMAIN"));
}

TEST_F(NameServer, StopLeavesNoProcess) {
  EXPECT_THAT(names("runs /run/names"), EndsWithStatus(1));
  EXPECT_FALSE(any_server());
  ASSERT_THAT(start("forwards"), Succeeds());
  EXPECT_THAT(names("runs /run/names"), Succeeds());
  EXPECT_TRUE(any_server());
  EXPECT_THAT(names("stop /run/names"), Succeeds());
  EXPECT_FALSE(any_server());
  EXPECT_THAT(names("runs /run/names"), EndsWithStatus(1));
  EXPECT_THAT(names("stop /run/names"), Succeeds());
}

TEST_F(NameServer, AStalePidFileEndsNobodyElse) {
  auto innocent = host().spawn({.argv = {"sleep", "1000"}});
  ASSERT_TRUE(innocent);
  ASSERT_THAT(host().sh(fmt::format("echo {} > /run/names/dnsmasq.pid", innocent->pid())), Succeeds());
  EXPECT_THAT(names("runs /run/names"), EndsWithStatus(1));
  EXPECT_THAT(names("add /run/names web.eth0 web 10.209.0.2 && postern-names remove /run/names web.eth0"), Succeeds());
  EXPECT_THAT(names("stop /run/names"), Succeeds());
  EXPECT_TRUE(innocent->running());
  ASSERT_THAT(host().sh(fmt::format("echo {} > /run/names/dnsmasq.pid", innocent->pid())), Succeeds());
  EXPECT_THAT(start("forwards"), Succeeds());
  EXPECT_TRUE(innocent->running());
  EXPECT_THAT(names("runs /run/names"), Succeeds());
}

TEST_F(NameServer, NamesWhoHasThePortAlready) {
  auto other = host().spawn({.argv = {"socat", "TCP4-LISTEN:53,fork", "EXEC:cat"}});
  ASSERT_TRUE(other);
  ASSERT_TRUE(wait_until([&] { return host().sh("ss -Hlnt sport = 53 | grep -q .").ok(); }));
  const Outcome refused = start("forwards");
  EXPECT_THAT(refused, EndsWithStatus(1));
  EXPECT_THAT(refused.err, AllOf(HasSubstr("10.209.0.1"), HasSubstr("Address already in use"), HasSubstr("--no-names"),
                                 HasSubstr(fmt::format("socat (pid {})", other->pid()))));
  EXPECT_FALSE(any_server());
}

TEST_F(NameServer, WithoutDnsmasqNamesTheRemedy) {
  // /dev/null can be executed by nobody, root included.
  const Outcome refused = host().sh(
      fmt::format("p=$(command -v postern-names); unshare -m sh -c 'for at in $(which -a dnsmasq); do mount --bind /dev/null $at;"
                  " done; '$p' start {} blue blue forwards {}'",
                  kFolder, kGateways));
  EXPECT_THAT(refused, EndsWithStatus(1));
  EXPECT_THAT(refused.err, AllOf(HasSubstr("apt-get install dnsmasq-base"), HasSubstr("--no-names")));
}

TEST_F(NameServer, HostileNamesAreRefusedAndWriteNothing) {
  ASSERT_THAT(start("forwards"), Succeeds());
  for (const char* name : {"'web 10.209.0.1 gateway'", "'a#b'", "-x", "10.0.0.1", "'a\n10.0.0.1 b'", "web,a..b", "'*'"}) {
    EXPECT_THAT(names(fmt::format("add /run/names evil {} 10.209.0.2", name)), EndsWithStatus(1)) << name;
  }
  for (const char* id : {"../dnsmasq.conf", ".hidden", "a/b", "''", "'a b'"}) {
    EXPECT_THAT(names(fmt::format("add /run/names {} web 10.209.0.2", id)), EndsWithStatus(1)) << id;
    EXPECT_THAT(names(fmt::format("remove /run/names {}", id)), EndsWithStatus(1)) << id;
  }
  EXPECT_EQ(host().sh("ls -A /run/names/hosts").out, "");
}

TEST_F(NameServer, ANetworksNameThatDnsDoesNotKnowIsNoDomain) {
  for (const char* network : {"my_net", "a..b", "a."}) {
    ASSERT_THAT(names(fmt::format("start {} {} blue internal {}", kFolder, network, kGateways)), Succeeds());
  }
  ASSERT_NO_FATAL_FAILURE(connect_container());
  ASSERT_THAT(names("add /run/names web.eth0 web 10.209.0.2"), Succeeds());
  EXPECT_EQ(answer("web"), "10.209.0.2\n");
}

}  // namespace
}  // namespace postern::lab
