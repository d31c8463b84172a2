// trace_test.cpp - the experiment of the articles about container networking: a packet's way from a container over a bridge and
// through masquerading to the outside, and its answer's way back; seen at every point, in the right namespace, with the addresses
// that it has there. bridge_test.h draws the place.
#include <regex>

#include "postern_trace_test.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

struct Addresses {
  std::string container, host, remote;
};
const Addresses kIpv4 = {"10.50.0.2", std::string(kHost4), std::string(kRemote4)};
const Addresses kIpv6 = {"fd50::2", std::string(kHost6), std::string(kRemote6)};

class TraceWay : public TraceTest {
 protected:
  std::vector<Server> servers() const override { return {Server::http, Server::echo}; }
  void SetUp() override {
    TraceTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    LAB_SKIP_UNLESS(has_probes(), "ebpf", "postern trace --probe says why");
    up(kBlue);
    container_ = container_on("blue", at(50, 2));
    ASSERT_TRUE(container_);
    ASSERT_THAT(container().sh(fmt::format("ping -c1 -W5 {}; ping -c1 -W5 {}", kRemote4, kRemote6)), Succeeds()) << "neighbours";
    inside_ = inode_of(container());
    here_ = inode_of(host());
    outside_ = inode_of(remote());
    ASSERT_EQ((std::set{inside_, here_, outside_}.size()), 3U);
  }
  const Container& container() const { return *container_; }

  std::vector<Seen> way_out() const {
    return {{inside_, "output"},   {inside_, "postrouting"}, {inside_, "egress"},      {here_, "ingress"},
            {here_, "prerouting"}, {here_, "forward"},       {here_, "postrouting"},   {here_, "after_snat"},
            {here_, "egress"},     {outside_, "ingress"},    {outside_, "prerouting"}, {outside_, "input"}};
  }
  std::vector<Seen> way_back() const {
    return {{outside_, "output"},  {outside_, "egress"},    {here_, "ingress"},     {here_, "prerouting"},
            {here_, "after_dnat"}, {here_, "forward"},      {here_, "postrouting"}, {here_, "egress"},
            {inside_, "ingress"},  {inside_, "prerouting"}, {inside_, "input"}};
  }
  /// The container's address as far as the host's postrouting, the host's behind it.
  void expect_translation_out(const std::vector<Json>& events, const Addresses& addresses) const {
    bool translated = false;
    for (const Json& event : events) {
      if (where(event) == Seen{here_, "after_snat"}) translated = true;
      if (event.value("point", "") == "rule") continue;
      EXPECT_EQ(text_at(event, "/packet/source"), translated ? addresses.host : addresses.container) << event.dump();
      EXPECT_EQ(text_at(event, "/packet/destination"), addresses.remote) << event.dump();
    }
  }
  void expect_translation_back(const std::vector<Json>& events, const Addresses& addresses) const {
    bool translated = false;
    for (const Json& event : events) {
      if (where(event) == Seen{here_, "after_dnat"}) translated = true;
      if (event.value("point", "") == "rule") continue;
      EXPECT_EQ(text_at(event, "/packet/source"), addresses.remote) << event.dump();
      EXPECT_EQ(text_at(event, "/packet/destination"), translated ? addresses.container : addresses.host) << event.dump();
    }
  }
  void expect_ping(const Addresses& addresses, int request, int reply) const {
    Process tracer = trace(fmt::format("--json '(icmp or icmp6) and host {}'", addresses.remote));
    ASSERT_THAT(container().sh(fmt::format("ping -c1 -W5 {}", addresses.remote)), Succeeds());
    const auto all = events(finished(tracer));
    const auto of_type = [&](int type) {
      return only(all, [&](const Json& event) { return event.value("/packet/icmp/type"_json_pointer, -1) == type; });
    };
    expect_way(of_type(request), way_out());
    expect_way(of_type(reply), way_back());
    expect_translation_out(of_type(request), addresses);
    expect_translation_back(of_type(reply), addresses);
    EXPECT_TRUE(std::none_of(all.begin(), all.end(), [](const Json& event) { return event.contains("lost"); }));
    EXPECT_TRUE(std::none_of(all.begin(), all.end(), [](const Json& event) { return event.value("point", "") == "drop"; }))
        << "nothing was dropped";
  }
  /// The blocks of --journey: each begins with "journey N".
  static std::vector<std::string> blocks(const std::string& text) {
    std::vector<std::string> all;
    for (size_t at = text.find("journey "); at != text.npos;) {
      const size_t next = text.find("\njourney ", at);
      all.push_back(text.substr(at, next == text.npos ? next : next - at));
      at = next == text.npos ? next : next + 1;
    }
    return all;
  }

  uint64_t inside_ = 0, here_ = 0, outside_ = 0;

 private:
  std::optional<Container> container_;
};

TEST_F(TraceWay, OfAPingIsSeenAtEveryPointInItsNamespaceWithItsAddresses) { expect_ping(kIpv4, 8, 0); }
TEST_F(TraceWay, OfAPingOverIpv6TooIs) { expect_ping(kIpv6, 128, 129); }

TEST_F(TraceWay, OfAPingIsOneJourneyThereAndOneBack) {
  for (const Addresses& addresses : {kIpv4, kIpv6}) {
    Process tracer = trace(fmt::format("--journey '(icmp or icmp6) and host {}'", addresses.remote));
    ASSERT_THAT(container().sh(fmt::format("ping -c1 -W5 {}", addresses.remote)), Succeeds());
    const std::string text = finished(tracer);
    const auto journeys = blocks(text);
    ASSERT_THAT(journeys, SizeIs(2)) << text;
    EXPECT_THAT(journeys[0],
                AllOf(HasSubstr(fmt::format("{} > {}", addresses.container, addresses.remote)), HasSubstr("delivered"),
                      HasSubstr(fmt::format("source {} -> {}", addresses.container, addresses.host))));
    EXPECT_THAT(journeys[1], AllOf(HasSubstr("answers 1"), HasSubstr("delivered"),
                                   HasSubstr(fmt::format("destination {} -> {}", addresses.host, addresses.container))));
  }
}

TEST_F(TraceWay, OfAConnectionIsAJourneyASegment) {
  Process tracer = trace("--json --record /run/lab/tmp/way.jsonl tcp port 7");
  ASSERT_EQ(container().sh(fmt::format("postern-probe {} 7 open echo", kRemote4)).out, kAnswered);
  const auto all = events(finished_after(tracer, "FIN"));
  const auto with_flags = [&](std::string_view flags, const std::string& source) {
    return only(all, [&](const Json& event) {
      return text_at(event, "/packet/tcp/flags") == flags && text_at(event, "/packet/source") == source;
    });
  };
  const auto syn = only(all, [&](const Json& event) { return text_at(event, "/packet/tcp/flags") == "SYN"; });
  expect_way(syn, way_out());
  expect_translation_out(syn, kIpv4);
  const auto answer = with_flags("SYN,ACK", kIpv4.remote);
  expect_way(answer, way_back());
  expect_translation_back(answer, kIpv4);

  const auto journeys = blocks(host().sh("postern trace --journey --replay /run/lab/tmp/way.jsonl").out);
  const auto with = [&](std::string_view text) {
    return std::count_if(journeys.begin(), journeys.end(), [&](const std::string& journey) {
      return journey.substr(0, journey.find('\n')).find(text) != journey.npos;
    });
  };
  EXPECT_EQ(with("[SYN]"), 1);
  EXPECT_EQ(with("[SYN,ACK]"), 1);
  EXPECT_GE(with("PSH"), 2) << "what was sent, and its echo";
  for (const std::string& journey : journeys) {  // a last FIN lies in the queue of a socket that is closed
    EXPECT_THAT(journey, AnyOf(HasSubstr("delivered"), HasSubstr("QUEUE_PURGE"))) << "no piece of a way stands alone";
  }
}

TEST_F(TraceWay, OfAConnectionThatIsNeverQuietIsShownAsItGoes) {
  Process tracer = trace("--journey tcp port 7");
  auto talk = container().spawn({.argv = {"sh", "-c", fmt::format("while sleep 0.2; do echo x; done | nc {} 7", kRemote4)}});
  ASSERT_TRUE(talk);
  std::string text;
  const auto is_shown = [&](std::string_view what) {
    return wait_until([&] { return (text = tracer.out()).find(what) != text.npos; });
  };
  EXPECT_TRUE(is_shown("journey 2 (answers 1): ")) << text;
  const size_t first = text.size();
  EXPECT_TRUE(wait_until([&] { return tracer.out().size() > first; })) << "and goes on";
  EXPECT_TRUE(talk->running());
  text = finished(tracer);
  const auto journeys = blocks(text);
  for (size_t i = 0; i < journeys.size(); ++i) EXPECT_THAT(journeys[i], testing::StartsWith(fmt::format("journey {}", i + 1)));
  for (size_t at = text.find("\njourney "); at != text.npos; at = text.find("\njourney ", at + 1)) EXPECT_EQ(text[at - 1], '\n');
}

TEST_F(TraceWay, OfADatagramAndItsAnswer) {
  for (const Addresses& addresses : {kIpv4, kIpv6}) {
    Process tracer = trace("--json udp port 7");
    ASSERT_EQ(container().sh(fmt::format("postern-probe --udp {} 7 open echo", addresses.remote)).out, kAnswered);
    const auto all = events(finished(tracer));
    const auto from_remote = [&](const Json& event) { return text_at(event, "/packet/source") == addresses.remote; };
    expect_way(only(all, std::not_fn(from_remote)), way_out());
    expect_way(only(all, from_remote), way_back());
    expect_translation_out(only(all, std::not_fn(from_remote)), addresses);
    expect_translation_back(only(all, from_remote), addresses);
  }
}

TEST_F(TraceWay, OfADatagramIsAJourneyAndItsAnswerAnother) {
  for (const Addresses& addresses : {kIpv4, kIpv6}) {
    Process tracer = trace("--journey udp port 7");
    ASSERT_EQ(container().sh(fmt::format("postern-probe --udp {} 7 open echo", addresses.remote)).out, kAnswered);
    const std::string text = finished(tracer);
    const auto journeys = blocks(text);
    ASSERT_THAT(journeys, SizeIs(2)) << text;
    EXPECT_THAT(journeys[0], AllOf(HasSubstr(addresses.container), HasSubstr(addresses.host), HasSubstr("delivered")));
    EXPECT_THAT(journeys[1], AllOf(HasSubstr("journey 2 (answers 1)"), HasSubstr("delivered")));
  }
}

/// The sum of the numbers in the line that tells of losses: of events, and of messages about rules.
uint64_t told_as_lost(const std::string& text) {
  const std::regex number("([0-9]+) (events|messages about rules) were lost");
  uint64_t sum = 0;
  for (std::sregex_iterator each(text.begin(), text.end(), number), end; each != end; ++each) sum += std::stoull((*each)[1]);
  return sum;
}

/// While it stands still its buffer of 4 MiB fills: a ping over lo is some 18 events, of 200 bytes and more each.
TEST_F(TraceWay, TellsOfWhatWasLost) {
  Process tracer = trace("--json --netns self --record /run/lab/tmp/lost.jsonl icmp and host 127.0.0.1");
  tracer.signal(SIGSTOP);
  ASSERT_TRUE(wait_until([&] { return host().sh(fmt::format("cut -d' ' -f3 /proc/{}/stat", tracer.pid())).out == "T\n"; }));
  ASSERT_THAT(host().sh("ping -q -f -c 4000 127.0.0.1"), Succeeds());
  tracer.signal(SIGCONT);
  const auto all = events(finished(tracer));
  ASSERT_THAT(all, Not(IsEmpty()));
  const uint64_t lost = all.back().value("lost", uint64_t{0});
  EXPECT_GT(lost, 0U) << all.back().dump();
  EXPECT_EQ(told_as_lost(tracer.err()), lost) << tracer.err();
  EXPECT_EQ(host().sh("tail -1 /run/lab/tmp/lost.jsonl").out, fmt::format("{{\"lost\":{}}}\n", lost));
  const Outcome again = host().sh("postern trace --replay /run/lab/tmp/lost.jsonl --json | tail -1");
  EXPECT_EQ(again.out, fmt::format("{{\"lost\":{}}}\n", lost));
  EXPECT_THAT(again.err, HasSubstr(fmt::format("{} events were lost", lost)));
}

TEST_F(TraceWay, NamesNamespacesAndDevices) {
  Process tracer = trace("--json icmp");
  ASSERT_THAT(container().sh(fmt::format("ping -c1 -W5 {}", kRemote4)), Succeeds());
  const auto all = events(finished(tracer));
  const auto at_bridge = only(all, [&](const Json& event) { return text_at(event, "/device/name") == "blue"; });
  ASSERT_THAT(at_bridge, Not(IsEmpty()));
  EXPECT_EQ(text_at(at_bridge[0], "/device/kind"), "bridge");
  const auto inside = only(all, [&](const Json& event) { return where(event).inode == inside_; });
  ASSERT_THAT(inside, Not(IsEmpty()));
  for (const Json& event : inside) EXPECT_EQ(text_at(event, "/netns/name"), "c50-2") << "the endpoint's name: " << event.dump();
}

TEST_F(TraceWay, EndsAfterSoManyPackets) {
  Process tracer = trace("--count 3 --json icmp");
  Process pings = [&] {
    auto started = container().spawn({.argv = {"ping", "-i0.1", std::string(kRemote4)}});
    EXPECT_TRUE(started);
    return std::move(*started);
  }();
  EXPECT_EQ(tracer.wait(), 0) << "it ends by itself";
  std::set<std::pair<int, int>> packets;
  for (const Json& event : events(tracer.out())) {
    packets.emplace(event.value("/packet/icmp/type"_json_pointer, -1), event.value("/packet/icmp/sequence"_json_pointer, -1));
  }
  EXPECT_THAT(packets, SizeIs(3));
}

TEST_F(TraceWay, EndsAfterItsTime) { EXPECT_THAT(host().sh("postern trace --for 1 icmp"), Succeeds()); }

TEST_F(TraceWay, EndsWithItsReader) {
  Process pings = std::move(*container().spawn({.argv = {"ping", "-i0.1", std::string(kRemote4)}}));
  const Outcome piped = host().sh("{ postern trace icmp; echo status $? >&2; } | head -1");
  EXPECT_THAT(piped.err, AllOf(HasSubstr("status 0"), Not(HasSubstr("pipe")))) << piped.err;
}

TEST_F(TraceWay, IsRecordedAndShownAgainInEveryForm) {
  Process tracer = trace("--json --record /run/lab/tmp/way.jsonl --pcap /run/lab/tmp/way.pcap --html /run/lab/tmp/way.html icmp");
  ASSERT_THAT(container().sh(fmt::format("ping -c1 -W5 {}", kRemote4)), Succeeds());
  const std::string live = finished(tracer);
  EXPECT_EQ(host().sh("stat -c %a /run/lab/tmp/way.jsonl /run/lab/tmp/way.pcap").out, "600\n600\n");
  EXPECT_EQ(host().sh("postern trace --json --replay /run/lab/tmp/way.jsonl").out, live);
  EXPECT_THAT(blocks(host().sh("postern trace --journey --replay /run/lab/tmp/way.jsonl").out), SizeIs(2));
  EXPECT_THAT(host().sh("postern trace --replay /run/lab/tmp/way.jsonl").out, HasSubstr("after_snat"));
  EXPECT_EQ(host().sh("postern trace --json --replay /run/lab/tmp/way.jsonl udp").out, "") << "a filter selects";
  EXPECT_THAT(host().sh("cat /run/lab/tmp/way.html").out,
              AllOf(HasSubstr("<html"), HasSubstr("after_snat"), Not(HasSubstr("http://"))));
  ASSERT_THAT(host().sh("chmod 644 /run/lab/tmp/way.jsonl"), Succeeds());
  EXPECT_THAT(host().sh("postern trace --journey --replay /run/lab/tmp/way.jsonl", Role::user), Succeeds())
      << "anybody may read what he may read";
}

TEST_F(TraceWay, IsSeenByTwoAtOnce) {
  Process first = trace("--json icmp"), second = trace("--json icmp");
  ASSERT_THAT(container().sh(fmt::format("ping -c1 -W5 {}", kRemote4)), Succeeds());
  for (Process* each : {&first, &second}) {
    const auto all = events(finished(*each));
    expect_way(only(all, [](const Json& event) { return event.value("/packet/icmp/type"_json_pointer, -1) == 8; }), way_out());
  }
  EXPECT_EQ(host().sh("nft list tables | grep -c trac").out, "0\n") << "no table is left";
}

TEST_F(TraceWay, GoesOnWhenANamespaceComesAndGoes) {
  Process tracer = trace("--json icmp");
  auto going = container_on("blue");
  ASSERT_TRUE(going);
  const auto ports = [&] { return host().sh("ip -json link show master blue | jq length").out; };
  ASSERT_EQ(ports(), "2\n");
  EXPECT_TRUE(wait_until([&] { return tracer.err().find("too") != std::string::npos; })) << "it is watched: " << tracer.err();
  const uint64_t its = inode_of(*going);
  ASSERT_THAT(going->sh(fmt::format("ping -c1 -W5 {}", kRemote4)), Succeeds());
  going->end();
  going.reset();
  EXPECT_TRUE(wait_until([&] { return ports() == "1\n"; })) << "who watches keeps it alive";
  ASSERT_THAT(container().sh(fmt::format("ping -c1 -W5 {}", kRemote4)), Succeeds());
  const auto all = events(finished(tracer));
  expect_way(all, {{its, "output"}, {its, "egress"}, {here_, "ingress"}});
  expect_way(only(all, [&](const Json& event) { return text_at(event, "/packet/source") != "10.50.0.3"; }), way_out());
}

TEST_F(TraceWay, SaysWhatItDoesNotWatchForWantOfDescriptors) {
  const Outcome refused = host().sh("ulimit -n 70; exec postern trace --for 1 icmp");
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, ContainsRegex("[0-9]+ namespaces are not watched: open files are near their limit .*ulimit -n"));
}

/// Whoever listens under names of posterns' and never answers.
TEST_F(TraceWay, WaitsForNoStranger) {
  constexpr const char* kSilent =
      "import os,socket,time\n"
      "kept=[]\n"
      "for pid in [os.getpid()]+list(range(900000,900030)):\n"
      "  s=socket.socket(socket.AF_UNIX); s.bind('\\0postern/%d/%d'%(os.getuid(),pid)); s.listen(1); kept.append(s)\n"
      "print('up',flush=True); time.sleep(600)\n";
  auto silent = host().spawn({.argv = {"python3", "-c", kSilent}, .role = Role::user});
  ASSERT_TRUE(silent);
  ASSERT_TRUE(wait_until([&] { return silent->out() == "up\n"; })) << silent->err();
  Process tracer = trace("--json icmp");
  ASSERT_THAT(container().sh(fmt::format("ping -c1 -W5 {}", kRemote4)), Succeeds());
  EXPECT_THAT(events(finished(tracer)), Not(IsEmpty()));
}

TEST_F(TraceWay, BelievesNoStranger) {
  constexpr const char* kLiar =
      "import os,socket,sys,time\n"
      "s=socket.socket(socket.AF_UNIX); s.bind('\\0postern/%d/%d'%(os.getuid(),os.getpid())); s.listen(1)\n"
      "print('up',flush=True); c,_=s.accept(); c.recv(4096)\n"
      "lie=b'{\"time_ns\":1,\"observer\":\"tracepoint\",\"point\":\"%s\",\"netns\":{\"inode\":'+sys.argv[1].encode()+"
      "b',\"name\":\"host\"},\"process\":{\"pid\":1,\"name\":\"sshd\"},\"rule\":{\"chain\":\"inet fw input\"}}\\n'\n"
      "c.sendall(b'{\"return\":{\"version\":1}}\\n'+lie%b'ingress'+lie%b'drop'); time.sleep(600)\n";
  auto liar = host().spawn({.argv = {"python3", "-c", kLiar, std::to_string(inside_)}, .role = Role::user});
  ASSERT_TRUE(liar);
  ASSERT_TRUE(wait_until([&] { return liar->out() == "up\n"; })) << liar->err();
  Process tracer = trace("--json udp port 9");
  const auto all = events(finished_after(tracer, "\"drop\""));
  ASSERT_THAT(all, SizeIs(1)) << "the other is at no point of ours";
  EXPECT_EQ(text_at(all[0], "/observer"), "relay");
  EXPECT_EQ(text_at(all[0], "/process/name").substr(0, 6), "python");
  EXPECT_FALSE(all[0].contains("netns") || all[0].contains("rule")) << all[0].dump();
}

TEST_F(TraceWay, WatchesOnlyWhereItWasTold) {
  Process tracer = trace(fmt::format("--json --netns {} icmp", container().pid()));
  ASSERT_THAT(container().sh(fmt::format("ping -c1 -W5 {}", kRemote4)), Succeeds());
  const auto all = events(finished(tracer));
  EXPECT_THAT(all, Not(IsEmpty()));
  for (const Json& event : all) EXPECT_EQ(where(event).inode, inside_) << event.dump();
}

}  // namespace
}  // namespace postern::lab
