// dns_test.cpp - names inside, asked for by dig at +3 and fd00::3, while the host's servers live, die, change and disagree.
//
//   guest: dig @10.0.2.3, @fd00::3 ─► postern ─► /etc/resolv.conf of the host ─┬► dnsmasq on the remote: the lab's names
//                                                                              └► dnsmasq on the host's loopback: who.lab.test
//
// Only the fast engine does these things.
#include <nlohmann/json.hpp>

#include "guest_test.h"
#include "lab_files.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kBoth[] = {"@10.0.2.3", "@fd00::3"};
constexpr const char* kTransports[] = {"+notcp", "+tcp"};
constexpr std::string_view kDead4 = "192.0.2.1", kDead6 = "2001:db8:1::1";  // the host: nobody listens there

class Dns : public GuestTest {
 protected:
  std::vector<Server> servers() const override { return {Server::dns}; }
  void SetUp() override {
    GuestTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    LAB_SKIP_UNLESS(sh("command -v dig").ok(), "dig", "apt-get install bind9-dnsutils");
  }

  void name(std::initializer_list<std::string_view> servers) const {
    std::string text;
    for (const std::string_view server : servers) text += fmt::format("nameserver {}\n", server);
    ASSERT_TRUE(write_file(host().path("/etc/resolv.conf"), text));
  }
  std::optional<Guest> guest_with(std::vector<std::string> options = {}) const {
    options.emplace_back("--ipv6");
    return guest({.options = std::move(options)});
  }
  static std::string dig(const Guest& guest, std::string_view arguments) {
    return guest.sh(fmt::format("dig +short +tries=1 +time=5 {}", arguments)).out;
  }
  /// Says the remote's address, however it is asked.
  static void expect_answers(const Guest& guest) {
    for (const char* at : kBoth) {
      for (const char* by : kTransports) {
        EXPECT_EQ(dig(guest, fmt::format("{} {} $LAB_DNS_NAME A", at, by)), fmt::format("{}\n", kRemote4)) << at << by;
      }
    }
  }
  /// A nameserver on the host, at an address of the host's own, that knows nothing but who.lab.test and what `more` says: the
  /// rest it refuses.
  std::optional<Process> resolver(std::string_view address, std::string_view answer, std::vector<std::string> more = {}) const {
    Command request{.argv = {"dnsmasq", "--no-daemon", "--no-resolv", "--no-hosts", "--conf-file=/dev/null",
                             "--pid-file=", "--bind-interfaces", fmt::format("--listen-address={}", address),
                             fmt::format("--host-record=who.lab.test,{}", answer)}};
    request.argv.insert(request.argv.end(), more.begin(), more.end());
    auto started = host().spawn(request);
    if (!started) return std::nullopt;
    const std::string asks = fmt::format("dig +short +tries=1 +time=1 @{} who.lab.test", address);
    EXPECT_TRUE(wait_until([&] { return host().sh(asks).ok(); })) << started->err();
    return std::move(*started);
  }
  nlohmann::json status() const { return nlohmann::json::parse(sh("postern status --json").out, nullptr, false); }
};

TEST_F(Dns, ServersOfEitherFamilyAnswerWhoAsksOverTheOther) {
  for (const std::string_view server : {kRemote4, kRemote6}) {
    name({server});
    const auto running = guest_with();
    ASSERT_TRUE(running);
    expect_answers(*running);
  }
}

// ---- the first server is dead

TEST_F(Dns, AServerThatRefusesIsPassedOverAtOnce) {
  for (const std::string_view dead : {kDead4, kDead6}) {
    name({dead, kRemote4});
    for (const char* by : kTransports) {
      const auto running = guest_with();
      ASSERT_TRUE(running);
      EXPECT_EQ(dig(*running, fmt::format("+time=1 @10.0.2.3 {} $LAB_DNS_NAME A", by)), fmt::format("{}\n", kRemote4))
          << dead << by;
    }
  }
}

TEST_F(Dns, AServerThatIsUnreachableIsPassedOver) {
  for (const std::string_view dead : {kUnreachable4, kUnreachable6}) {
    name({dead, kRemote6});
    for (const char* by : kTransports) {
      const auto running = guest_with();
      ASSERT_TRUE(running);
      EXPECT_EQ(dig(*running, fmt::format("@fd00::3 {} $LAB_DNS_NAME A", by)), fmt::format("{}\n", kRemote4)) << dead << by;
    }
  }
}

TEST_F(Dns, AServerThatIsSilentIsWaitedForOnce) {
  for (const std::string_view dead : {kSilent4, kSilent6}) {
    name({dead, kRemote4});
    for (const char* by : kTransports) {
      const auto running = guest_with();
      ASSERT_TRUE(running);
      EXPECT_EQ(dig(*running, fmt::format("@10.0.2.3 {} $LAB_DNS_NAME A", by)), fmt::format("{}\n", kRemote4)) << dead << by;
      EXPECT_EQ(dig(*running, fmt::format("+time=1 @10.0.2.3 {} $LAB_DNS_NAME AAAA", by)), fmt::format("{}\n", kRemote6))
          << dead << by;
    }
  }
}

TEST_F(Dns, AServerThatCannotAnswerIsNotTheLastWord) {
  const auto other = resolver("127.0.0.2", "203.0.113.2");
  name({"127.0.0.2", kRemote4});
  const auto running = guest_with();
  ASSERT_TRUE(running);
  EXPECT_EQ(dig(*running, "@10.0.2.3 $LAB_DNS_NAME A"), fmt::format("{}\n", kRemote4));
  name({"127.0.0.2"});
  EXPECT_THAT(running->sh("dig +tries=1 +time=5 @10.0.2.3 $LAB_DNS_NAME A").out, HasSubstr("status: REFUSED"));
}

TEST_F(Dns, WhereNobodyListensAProgramHearsSoAtOnce) {
  name({kDead4, kDead6});
  const auto running = guest_with();
  ASSERT_TRUE(running);
  for (const char* at : {"10.0.2.3", "fd00::3"}) {
    EXPECT_EQ(running->sh(fmt::format("postern-probe --limit-ms 900 {} 53 open", at)).out, "open 0 ECONNREFUSED\n") << at;
    EXPECT_THAT(running->sh(fmt::format("dig +tries=1 +time=5 @{} x.lab.test", at)).out, HasSubstr("connection refused")) << at;
  }
}

TEST_F(Dns, WhoGivesUpLeavesNothing) {
  name({kSilent4, kSilent6, kDead4});
  const auto running = guest_with();
  ASSERT_TRUE(running);
  const auto open_files = [&] { return host().sh(fmt::format("ls /proc/{}/fd | wc -l", running->postern().pid())).out; };
  const std::string before = open_files();
  EXPECT_THAT(running->sh("dig +tcp +tries=1 +time=3 @10.0.2.3 $LAB_DNS_NAME").out, HasSubstr("timed out"));  // with the second
  EXPECT_THAT(running->sh("dig +tries=1 +time=1 @10.0.2.3 $LAB_DNS_NAME").out, HasSubstr("timed out"));
  EXPECT_EQ(status()["dns"]["pending"], 1);
  name({kRemote4});
  for (const char* by : kTransports)
    EXPECT_EQ(dig(*running, fmt::format("@10.0.2.3 {} $LAB_DNS_NAME A", by)), fmt::format("{}\n", kRemote4));
  EXPECT_TRUE(wait_until([&] { return status()["dns"]["pending"] == 0 && open_files() == before; }));
}

// ---- the file

TEST_F(Dns, ChangesOfTheHostsFileAreSeenByTheNextQuery) {
  const auto one = resolver("127.0.0.2", "203.0.113.2"), two = resolver("127.0.0.3", "203.0.113.3");
  name({"127.0.0.2"});
  const auto running = guest_with();
  ASSERT_TRUE(running);
  for (const char* by : kTransports) {
    name({"127.0.0.2"});
    EXPECT_EQ(dig(*running, fmt::format("@10.0.2.3 {} who.lab.test", by)), "203.0.113.2\n") << by;
    name({"127.0.0.3"});
    EXPECT_EQ(dig(*running, fmt::format("@10.0.2.3 {} who.lab.test", by)), "203.0.113.3\n") << by;
  }
}

TEST_F(Dns, AnEmptyFileAndNoneMeanTheHostItself) {
  for (const char* address : {"127.0.0.1", "::1"}) {
    const auto local = resolver(address, "203.0.113.1");
    for (const char* empty : {": > /etc/resolv.conf", "rm /etc/resolv.conf"}) {
      name({kSilent4});
      const auto running = guest_with();
      ASSERT_TRUE(running);
      ASSERT_THAT(host().sh(empty), Succeeds());
      for (const char* by : kTransports) {
        EXPECT_EQ(dig(*running, fmt::format("@10.0.2.3 {} who.lab.test", by)), "203.0.113.1\n") << address << empty << by;
      }
    }
  }
}

TEST_F(Dns, AServerOnTheLoopbackIsAskedFromThereWhateverTheOutboundAddress) {
  for (const auto& [at, client, option, own] :
       {std::tuple("127.0.0.2", "127.0.0.1", "--outbound-addr", kHost4), std::tuple("::1", "::1", "--outbound-addr6", kHost6)}) {
    const auto local = resolver(at, "203.0.113.2", {"--log-queries", "--log-facility=-"});
    name({at});
    const auto running = guest_with({option, std::string(own)});
    ASSERT_TRUE(local && running);
    for (const char* by : kTransports)
      EXPECT_EQ(dig(*running, fmt::format("@10.0.2.3 {} who.lab.test", by)), "203.0.113.2\n") << at << by;
    EXPECT_THAT(local->err(),
                AllOf(HasSubstr(fmt::format(" from {}\n", client)), Not(HasSubstr(fmt::format(" from {}\n", own)))));
  }
}

TEST_F(Dns, ChosenServersAreAskedInstead) {
  name({kSilent4});
  const auto running = guest_with({"--dns", std::string(kDead4), "--dns", std::string(kRemote4)});
  ASSERT_TRUE(running);
  EXPECT_EQ(running->sh("grep nameserver /etc/resolv.conf").out, fmt::format("nameserver {}\nnameserver {}\n", kDead4, kRemote4));
  expect_answers(*running);
}

TEST_F(Dns, AttachLeadsToTheServersThatItIsTold) {
  const auto local = resolver("127.0.0.2", "203.0.113.2");
  name({kSilent4});
  ASSERT_THAT(sh("mkfifo $TMPDIR/ready"), Succeeds());
  Process made = start_sh(
      "exec unshare --user --map-root-user --net --fork --kill-child sh -c 'echo made; read line < $TMPDIR/ready; "
      "for by in +notcp +tcp; do dig +short +tries=1 +time=5 $by @10.0.2.3 who.lab.test; done'");
  ASSERT_TRUE(says(made, "made"));
  Process attached = start_sh(
      fmt::format("exec postern attach --dns 127.0.0.2 --configure --ready-fd 1 $(ps -o pid= --ppid {}) tap0", made.pid()));
  ASSERT_TRUE(says(attached, "1")) << attached.err();
  ASSERT_THAT(sh("echo > $TMPDIR/ready"), Succeeds());
  EXPECT_EQ(made.wait(std::chrono::seconds(20)), 0);
  EXPECT_EQ(made.out(), "made\n203.0.113.2\n203.0.113.2\n") << made.err();
}

// ---- names that were added

TEST_F(Dns, AddedNamesAreAnsweredWithoutAServer) {
  name({kSilent4});
  const auto running = guest_with({"--add-host", "db.lan:192.0.2.7", "--add-host", "DB.lan:2001:db8::7"});
  ASSERT_TRUE(running);
  for (const char* at : kBoth) {
    EXPECT_EQ(dig(*running, fmt::format("{} Db.LAN A", at)), "192.0.2.7\n");
    EXPECT_EQ(dig(*running, fmt::format("{} db.lan AAAA", at)), "2001:db8::7\n");
    EXPECT_EQ(dig(*running, fmt::format("{} host.postern.internal A", at)), fmt::format("{}\n", kHost4));
    EXPECT_EQ(dig(*running, fmt::format("{} host.postern.internal AAAA", at)), fmt::format("{}\n", kHost6));
    EXPECT_THAT(running->sh(fmt::format("dig +tries=1 +time=5 {} db.lan MX", at)).out,
                AllOf(HasSubstr("status: NOERROR"), HasSubstr("ANSWER: 0"), Not(HasSubstr("WARNING"))));
  }
  if (sh("command -v busybox").ok()) {
    EXPECT_THAT(running->sh("busybox nslookup db.lan 10.0.2.3").out, HasSubstr("192.0.2.7"));
  }
}

// ---- large answers

TEST_F(Dns, LargeAnswersComeWholeOverUdpToWhoAsksForThem) {
  std::vector<std::string> records = {"--edns-packet-max=4096"};
  for (char letter = 'a'; letter < 'a' + 12; ++letter) {
    records.push_back(fmt::format("--txt-record=much.lab.test,{}", std::string(250, letter)));
  }
  const auto local = resolver("127.0.0.2", "203.0.113.2", records);
  name({"127.0.0.2"});
  for (const char* mtu : {"1500", "65520"}) {
    const auto running = guest_with({"--mtu", mtu});
    ASSERT_TRUE(running);
    for (const char* at : kBoth) {
      const std::string answer =
          running->sh(fmt::format("dig +tries=1 +time=5 +notcp +ignore +bufsize=4096 {} much.lab.test TXT", at)).out;
      EXPECT_THAT(answer, AllOf(HasSubstr("ANSWER: 12"), HasSubstr("(UDP)"), Not(HasSubstr("flags: qr aa tc")))) << mtu << at;
      const std::string cut = running->sh(fmt::format("dig +tries=1 +time=5 +ignore +bufsize=1232 {} much.lab.test TXT", at)).out;
      EXPECT_THAT(cut, HasSubstr(" tc ")) << mtu << at;
      const std::string again = running->sh(fmt::format("dig +tries=1 +time=5 +bufsize=1232 {} much.lab.test TXT", at)).out;
      EXPECT_THAT(again, AllOf(HasSubstr("ANSWER: 12"), HasSubstr("(TCP)"))) << mtu << at;
    }
  }
}

// ---- what is told of it

TEST_F(Dns, StatusTellsWhoIsAskedAndWhoAnswers) {
  name({kDead4, kRemote4});
  const auto running = guest_with({"--add-host", "db.lan:192.0.2.7"});
  ASSERT_TRUE(running);
  EXPECT_EQ(status()["dns"]["servers"], nlohmann::json({kDead4, kRemote4}));  // before anybody has asked
  dig(*running, "@10.0.2.3 $LAB_DNS_NAME A");
  dig(*running, "@10.0.2.3 db.lan A");
  const nlohmann::json told = status();
  ASSERT_TRUE(told.is_object());
  EXPECT_EQ(told["dns"]["servers"], nlohmann::json({kDead4, kRemote4}));
  EXPECT_EQ(told["dns"]["answering"], kRemote4);
  EXPECT_EQ(told["dns"]["pending"], 0);
  const nlohmann::json& counters = told["counters"]["dns"];
  EXPECT_EQ(counters["queries"], 2);
  EXPECT_EQ(counters["answered"], 1);
  EXPECT_EQ(counters["answered_here"], 1);
  EXPECT_EQ(counters["failed_over"], 1);
  EXPECT_THAT(sh("postern status").out,
              HasSubstr(fmt::format("names     by {}, {} (answers): 2 queries, 2 answered, 0 unanswered\n", kDead4, kRemote4)));
}

TEST_F(Dns, NoOtherPortOfAServerIsReached) {
  name({kRemote4});
  const auto running = guest_with();
  ASSERT_TRUE(running);
  EXPECT_EQ(
      running->sh("postern-probe --limit-ms 900 10.0.2.3 7 open; postern-probe --limit-ms 900 --udp fd00::3 7 open echo").out,
      "open 0 ENETUNREACH\nopen 1\necho 0 EACCES\n");
}

}  // namespace
}  // namespace postern::lab
