// trace_rootless_test.cpp - `postern trace` of an ordinary user: a packet's way from the program in `postern run`, through the
// TAP and Postern itself, to the host's socket, and back. And what it says to whom it can show nothing.
//
//   guest: curl ── tap0 ═══ postern: tap_in, engine, host_socket ── the host's kernel ══ remote: nginx
#include "guest_test.h"
#include "postern_trace_test.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class TraceRootless : public TraceTest {
 protected:
  Role role() const override { return Role::user; }
  bool needs_tun() const override { return true; }
  std::vector<Server> servers() const override { return {Server::http}; }
  std::optional<Guest> guest() const {
    auto started = Guest::start(host(), {});
    if (!started) ADD_FAILURE() << started.error().message();
    return started ? std::optional(*std::move(started)) : std::nullopt;
  }
  static const Json* find_point(const std::vector<Json>& events, std::string_view point) {
    const auto found =
        std::find_if(events.begin(), events.end(), [&](const Json& event) { return event.value("point", "") == point; });
    return found == events.end() ? nullptr : &*found;
  }
};

TEST_F(TraceRootless, ShowsTheWayFromTheTapToTheHostsSocket) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  for (const auto& [address, url] : {std::pair(std::string(kRemote4), fmt::format("http://{}/", kRemote4)),
                                     std::pair(std::string(kRemote6), fmt::format("http://[{}]/", kRemote6))}) {
    Process tracer = trace(fmt::format("--json tcp port 80 and host {}", address), Role::user);
    EXPECT_THAT(tracer.err(), HasSubstr("postern's own events"));
    ASSERT_EQ(inside->sh(fmt::format("curl -sS --noproxy '*' {}", url)).out, kPageText);
    const auto all = events(finished(tracer));
    const auto syn = only(all, [](const Json& event) { return text_at(event, "/packet/tcp/flags") == "SYN"; });
    std::vector<std::string> points;
    points.reserve(syn.size());
    for (const Json& event : syn) points.push_back(event.value("point", ""));
    const auto at = [&](std::string_view point) { return std::find(points.begin(), points.end(), point); };
    ASSERT_NE(find_point(syn, "host_socket"), nullptr) << testing::PrintToString(points);
    EXPECT_LT(at("transmit"), at("tap_in")) << "the guest's kernel gives it to the TAP: " << testing::PrintToString(points);
    EXPECT_LT(at("tap_in"), at("engine"));
    EXPECT_LT(at("engine"), at("host_socket"));
    const Json& socket = *find_point(syn, "host_socket");
    EXPECT_EQ(text_at(socket, "/mapping/remote/address"), address) << socket.dump();
    EXPECT_EQ(socket.value("/mapping/remote/port"_json_pointer, 0), 80);
    EXPECT_GT(socket.value("/mapping/local/port"_json_pointer, 0), 0);
    EXPECT_NE(find_point(all, "tap_out"), nullptr) << "and the answer comes back";
  }
}

TEST_F(TraceRootless, OfAPacketAloneIsNotItsAnswers) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  for (const char* follow : {"packet", "connection"}) {
    Process tracer = trace(fmt::format("--json --follow {} dst host {} and tcp port 80", follow, kRemote4), Role::user);
    ASSERT_EQ(inside->sh(fmt::format("curl -sS --noproxy '*' http://{}/", kRemote4)).out, kPageText);
    const auto all = events(finished_after(tracer, "FIN"));
    EXPECT_NE(find_point(all, "tap_in"), nullptr);
    const auto answers = only(all, [](const Json& event) { return text_at(event, "/packet/source") == kRemote4; });
    EXPECT_EQ(answers.empty(), follow == std::string("packet"));
    EXPECT_EQ(find_point(all, "tap_out") == nullptr, answers.empty()) << "by postern's own events too";
  }
}

TEST_F(TraceRootless, GroupsTheWayIntoJourneys) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  Process tracer = trace("--journey tcp port 80", Role::user);
  ASSERT_EQ(inside->sh(fmt::format("curl -sS --noproxy '*' http://{}/", kRemote4)).out, kPageText);
  const std::string text = finished(tracer);
  EXPECT_THAT(text, AllOf(HasSubstr("to a socket of the host"), HasSubstr("host_socket"), HasSubstr("tap_out")));
}

TEST_F(TraceRootless, IsForRootTheWholeWay) {
  LAB_SKIP_UNLESS(has_probes(), "ebpf", "postern trace --probe says why");
  const auto inside = guest();
  ASSERT_TRUE(inside);
  Process tracer = trace("--journey tcp port 80", Role::root);
  ASSERT_EQ(inside->sh(fmt::format("curl -sS --noproxy '*' http://{}/", kRemote4)).out, kPageText);
  const std::string text = finished(tracer);
  const std::string first = text.substr(0, text.find("\n\n"));
  EXPECT_THAT(first, AllOf(HasSubstr("[SYN]"), HasSubstr("delivered"), HasSubstr("tap_in"), HasSubstr("host_socket")));
  EXPECT_THAT(first, ContainsRegex("output +eth0 +source 10\\.0\\.2\\.100:[0-9]+ -> 192\\.0\\.2\\.1:[0-9]+"));
}

TEST_F(TraceRootless, NamesThePolicyThatDropped) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  Process tracer = trace("--json host 127.0.0.1 and tcp port 8080", Role::user);
  inside->run({"postern-rawframe", "tap0", "--syn", "127.0.0.1", "8080", "--wait-ms", "0"});
  const auto all = events(finished_after(tracer, "\"drop\""));
  const Json* drop = find_point(all, "drop");
  ASSERT_NE(drop, nullptr);
  EXPECT_EQ(text_at(*drop, "/drop/reason"), "martian_destination") << drop->dump();
  EXPECT_THAT(text_at(*drop, "/drop/where"), HasSubstr("postern"));
}

TEST_F(TraceRootless, NamesTheRuleInsideThatDropped) {
  const auto inside = guest();
  ASSERT_TRUE(inside);
  ASSERT_THAT(inside->run({"nft", "table inet wall { chain gate { type filter hook output priority 5; udp dport 9 drop; }; }"}),
              Succeeds());
  Process tracer = trace("--json udp port 9", Role::user);
  inside->sh(fmt::format("postern-probe --udp --limit-ms 200 {} 9 open echo", kRemote4));
  const auto all = events(finished(tracer));
  const Json* drop = find_point(all, "drop");
  ASSERT_NE(drop, nullptr);
  EXPECT_THAT(text_at(*drop, "/rule/text"), HasSubstr("udp dport 9"));
  EXPECT_EQ(text_at(*drop, "/rule/chain"), "inet wall gate");
}

TEST_F(TraceRootless, TellsWhichCapabilityIsMissingAndWhatGoesWithout) {
  const Outcome nothing = sh("postern trace icmp");
  EXPECT_THAT(nothing, RefusesWith({"CAP_NET_ADMIN", "CAP_SYS_ADMIN", "postern run", "--netns"}));
  EXPECT_THAT(sh("postern trace --netns all icmp"), RefusesWith({"CAP_NET_ADMIN", "root"}));
  EXPECT_THAT(sh("postern trace --netns self icmp"), RefusesWith({"not yours", "CAP_NET_ADMIN"}));
}

TEST_F(TraceRootless, AsksWhichOfSeveral) {
  const auto one = guest(), other = guest();
  ASSERT_TRUE(one && other);
  const std::string pid = std::to_string(other->postern().pid());
  EXPECT_THAT(sh("postern trace icmp"), RefusesWith({"several", "--netns", pid.c_str()}));
  Process tracer = trace(fmt::format("--netns {} icmp", pid), Role::user);
  EXPECT_THAT(tracer.err(), HasSubstr(fmt::format("postern {}", pid)));
  finished(tracer);
}

TEST_F(TraceRootless, OutlivesWhomItWatches) {
  auto inside = guest();
  ASSERT_TRUE(inside);
  Process tracer = trace("--json icmp", Role::user);
  inside.reset();
  EXPECT_TRUE(wait_until([&] { return lab().processes().size() <= 4; }));
  finished(tracer);
}

class TraceBadInput : public TraceTest {};

TEST_F(TraceBadInput, MarksTheWordThatNoFilterHas) {
  const Outcome refused = sh("postern trace icmp and hots 192.0.2.3");
  EXPECT_EQ(refused.status, 2);
  const std::string& err = refused.err;
  ASSERT_EQ(std::count(err.begin(), err.end(), '\n'), 3) << err;
  const size_t text = err.find('\n') + 1, caret = err.find('\n', text) + 1;
  EXPECT_EQ(err.find('^', caret) - caret, err.find("hots", text) - text) << err;
}

TEST_F(TraceBadInput, WantsARecordWithSomethingInIt) {
  EXPECT_THAT(sh("postern trace --replay /dev/null"), RefusesWith({"/dev/null", "no event"}));
  EXPECT_THAT(sh("printf 'hello\\n' >/run/lab/tmp/no; postern trace --replay /run/lab/tmp/no"),
              RefusesWith({"/run/lab/tmp/no:1:"}));
  EXPECT_THAT(sh("postern trace --replay /no/such"), RefusesWith({"/no/such"}));
}

TEST_F(TraceBadInput, NamesWhatCannotBeWritten) {
  EXPECT_THAT(sh("postern trace --record /no/such/file icmp"), RefusesWith({"--record", "/no/such/file"}));
  EXPECT_THAT(sh("postern trace --html /no/such/file icmp"), RefusesWith({"--html"}));
  EXPECT_THAT(sh("postern trace --pcap /no/such/file icmp"), RefusesWith({"--pcap"}));
}

TEST_F(TraceBadInput, LeavesWhatIsThereWhereNothingCanBeWatched) {
  ASSERT_THAT(host().sh("cd /run/lab/tmp && for each in a b c; do echo kept >$each; done", Role::user), Succeeds());
  const Outcome refused = host().sh("cd /run/lab/tmp && postern trace --record a --html b --pcap c icmp; cat a b c", Role::user);
  EXPECT_THAT(refused.err, HasSubstr("CAP_NET_ADMIN"));
  EXPECT_EQ(refused.out, "kept\nkept\nkept\n");
}

TEST_F(TraceBadInput, NamesANamespaceThatIsNot) {
  EXPECT_THAT(sh("postern trace --netns no-such-name icmp"), RefusesWith({"--netns", "no-such-name"}));
  EXPECT_THAT(sh("postern trace --netns /etc/hostname icmp"), RefusesWith({"--netns", "/etc/hostname"}));
}

/// What the kernel of this host allows is not known here; what each way is called, and what it would take, is.
TEST_F(TraceBadInput, ProbeTellsEachWayOfSeeingAndWhatItNeeds) {
  for (const Role as : {Role::root, Role::user}) {
    const Outcome text = host().sh("postern trace --probe", as), json = host().sh("postern trace --probe --json", as);
    EXPECT_THAT(text, Succeeds());
    EXPECT_THAT(text.out, AllOf(HasSubstr("What a trace uses"), HasSubstr("netfilter link"), HasSubstr("nft trace"),
                                HasSubstr("packet sockets"), HasSubstr("needs CAP_NET_RAW over the namespace")));
    EXPECT_THAT(text.out, ContainsRegex("yes +packet sockets"));
    EXPECT_EQ(text.out.find("for you in namespaces of your own") != text.out.npos, as == Role::user) << text.out;
    EXPECT_THAT(json, Succeeds());
    const Json all = Json::parse(json.out, nullptr, false);
    ASSERT_TRUE(all.is_object()) << json.out;
    EXPECT_EQ(all.value("version", 0), 1);
    for (const Json& rung : all.value("rungs", Json::array())) {
      EXPECT_NE(rung.value("works", false), !rung.value("why_not", "").empty()) << "it works, or says why not: " << rung.dump();
      const bool is_hook_of_user = as == Role::user && rung.value("name", "") == "netfilter link";
      EXPECT_FALSE(is_hook_of_user && rung.value("works", true)) << rung.dump();
    }
  }
}

TEST_F(TraceBadInput, GoesOnWithoutTheKernelsTypes) {
  Process tracer = [&] {
    auto started = host().spawn(
        {.argv = {"unshare", "-m", "sh", "-c", "mount -t tmpfs none /sys/kernel/btf && exec postern trace --json icmp"}});
    EXPECT_TRUE(started);
    return std::move(*started);
  }();
  ASSERT_TRUE(wait_until([&] { return tracer.err().find("watching") != std::string::npos || !tracer.running(); }));
  EXPECT_THAT(tracer.err(), AllOf(HasSubstr("no eBPF"), HasSubstr("BTF"), HasSubstr("packet sockets")));
  ASSERT_THAT(host().sh(fmt::format("ping -c1 -W5 {}", kRemote4)), Succeeds());
  const auto all = events(finished(tracer));
  EXPECT_THAT(only(all, [&](const Json& event) { return where(event) == Seen{inode_of(host()), "transmit"}; }), Not(IsEmpty()));
}

}  // namespace
}  // namespace postern::lab
