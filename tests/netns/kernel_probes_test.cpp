// kernel_probes_test.cpp - the observers in the kernel, on a packet's way through three network namespaces.
//
//   container 10.50.0.2, fd50::2 ══ veth ══ br0 10.50.0.1, fd50::1 │ host │ eth0 192.0.2.1 ═══ eth0 192.0.2.2 remote
//                                                          forwards, and masquerades what leaves by eth0
#include "postern/probes/kernel_probes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "postern/netns/namespace.h"
#include "postern/packet_filter/filter.h"
#include "postern/probes/build.h"
#include "postern/probes/ladder.h"

#include "container.h"
#include "lab_test.h"
#include "topology.h"

namespace postern::probes {
namespace {

using journey::Event;
using journey::Observer;
using journey::Point;
using lab::Container;
using lab::Machine;
using lab::Succeeds;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

const IpAddress kContainer = Ipv4::of(10, 50, 0, 2), kHost = Ipv4::of(192, 0, 2, 1), kRemote = Ipv4::of(192, 0, 2, 2);
constexpr uint8_t kRequest = 8, kReply = 0;

UniqueFd network_of(const Machine& machine) {
  auto socket = machine.open_socket(AF_INET, SOCK_DGRAM);
  if (!socket) throw std::runtime_error(socket.error().message());
  return UniqueFd(::ioctl(socket->get(), SIOCGSKNS));
}

pf_program compiled(std::string_view text) {
  const auto filter = packet_filter::Filter::parse(text);
  if (const auto* complaint = std::get_if<packet_filter::Complaint>(&filter)) throw std::runtime_error(complaint->what);
  return std::get<packet_filter::Filter>(filter).program();
}

/// Why there can be no probes here, empty where there can: what they are made of is tried without them.
std::string obstacle() {
  if (!built_with_ebpf()) return std::string(build_text());
  for (const Rung& rung : try_ladder())
    if (rung.is_in_use && !rung.works) return rung.name + ": " + rung.why_not;
  return "";
}

class KernelProbesTest : public lab::LabTest {
 protected:
  void SetUp() override {
    LabTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    LAB_SKIP_UNLESS(obstacle().empty(), "ebpf", obstacle());
    ASSERT_THAT(
        host().sh("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 && ip link add br0 type bridge &&"
                  "ip addr add 10.50.0.1/24 dev br0 && ip addr add fd50::1/64 dev br0 nodad && ip link set br0 up &&"
                  "nft 'table ip t { chain post { type nat hook postrouting priority 100; oifname \"eth0\" masquerade; }; "
                  "chain forward { type filter hook forward priority 0; }; }'"),
        Succeeds());
    container_.emplace(container(2));
    auto loop = loop::EventLoop::create();
    ASSERT_TRUE(loop) << loop.error().message();
    loop_ = *std::move(loop);
    networks_.push_back(network_of(*container_));
    networks_.push_back(network_of(host()));
    networks_.push_back(network_of(remote()));
  }
  std::vector<lab::Server> servers() const override { return {lab::Server::echo}; }

  /// On the bridge, with the addresses of that number.
  Container container(int number) const {
    auto made = Container::start(host());
    if (!made) throw std::runtime_error(made.error().message());
    EXPECT_THAT(host().sh(fmt::format("ip link add v{0} type veth peer name eth0 netns {1} && ip link set v{0} master br0 up",
                                      number, made->pid())),
                Succeeds());
    EXPECT_THAT(made->sh(fmt::format("ip link set lo up && ip addr add 10.50.0.{0}/24 dev eth0 &&"
                                     "ip addr add fd50::{0}/64 dev eth0 nodad && ip link set eth0 up &&"
                                     "ip route add default via 10.50.0.1",
                                     number)),
                Succeeds());
    return *std::move(made);
  }

  ProbeConfig wishing(std::string_view filter) const {
    ProbeConfig config;
    config.filter = compiled(filter);
    for (const UniqueFd& network : networks_) config.namespaces.push_back(network.get());
    return config;
  }
  std::unique_ptr<KernelProbes> attach(const ProbeConfig& config, std::vector<Event>& events) const {
    auto probes = KernelProbes::attach(*loop_, config, [&](Event&& event) { events.push_back(std::move(event)); });
    if (!probes) throw std::runtime_error(probes.error().message());
    return *std::move(probes);
  }
  void leave_out_others(std::vector<Event>& events) const {
    std::erase_if(events, [this](const Event& event) { return name_of(event.network.inode).find_first_of("0123456789") == 0; });
  }
  /// What is seen of our three namespaces while `script` runs in the container, in the order of time. Tracepoints are the whole
  /// machine's, and others on it may be sending just such packets.
  std::vector<Event> seen_by(const ProbeConfig& config, const std::string& script) const {
    std::vector<Event> events;
    const auto probes = attach(config, events);
    container_->sh(script);
    probes->drain();
    EXPECT_EQ(probes->lost(), 0u);
    leave_out_others(events);
    std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) { return a.time_ns < b.time_ns; });
    return events;
  }
  std::vector<Event> seen_by(std::string_view filter, const std::string& script) const {
    return seen_by(wishing(filter), script);
  }

  /// "container", "host", "remote"; a number for others.
  std::string name_of(uint64_t inode) const {
    const std::array<const char*, 3> names = {"container", "host", "remote"};
    for (size_t i = 0; i < names.size(); ++i)
      if (netns::identity_of(networks_[i].get())->inode == inode) return names[i];
    return std::to_string(inode);
  }
  std::string place(const Event& event) const {
    return fmt::format("{} {} {}", name_of(event.network.inode), journey::name(event.point), event.device.name);
  }
  std::vector<std::string> places(const std::vector<Event>& events) const {
    std::vector<std::string> all;
    std::transform(events.begin(), events.end(), std::back_inserter(all), [&](const Event& event) { return place(event); });
    return all;
  }

  std::optional<Container> container_;
  std::unique_ptr<loop::EventLoop> loop_;
  std::vector<UniqueFd> networks_;  // container, host, remote
};

std::vector<Event> only(const std::vector<Event>& events, const std::function<bool(const Event&)>& wanted) {
  std::vector<Event> found;
  std::copy_if(events.begin(), events.end(), std::back_inserter(found), wanted);
  return found;
}
std::vector<Event> of_type(const std::vector<Event>& events, uint8_t icmp_type) {
  return only(events, [=](const Event& event) { return event.packet && event.packet->icmp_type == icmp_type; });
}
std::set<uint64_t> identities(const std::vector<Event>& events) {
  std::set<uint64_t> all;
  for (const Event& event : events) all.insert(event.identity);
  return all;
}

constexpr const char* kPing = "ping -n -c1 -W5 192.0.2.2";

/// The device of the bridge may be seen more than once where bridged packets go through the packet filter too.
const std::vector<std::string> kWayThere = {"container output eth0",  "container postrouting eth0", "container after_snat eth0",
                                            "container egress eth0",  "container transmit eth0",    "host ingress v2",
                                            "host ingress br0",       "host prerouting br0",        "host after_dnat br0",
                                            "host forward eth0",      "host postrouting eth0",      "host after_snat eth0",
                                            "host egress eth0",       "host transmit eth0",         "remote ingress eth0",
                                            "remote prerouting eth0", "remote after_dnat eth0",     "remote input eth0"};
const std::vector<std::string> kWayBack = {"remote output eth0",        "remote postrouting eth0",
                                           "remote after_snat eth0",    "remote egress eth0",
                                           "remote transmit eth0",      "host ingress eth0",
                                           "host prerouting eth0",      "host after_dnat eth0",
                                           "host forward br0",          "host postrouting br0",
                                           "host after_snat br0",       "host egress br0",
                                           "host transmit br0",         "host egress v2",
                                           "host transmit v2",          "container ingress eth0",
                                           "container prerouting eth0", "container after_dnat eth0",
                                           "container input eth0"};

TEST_F(KernelProbesTest, APingAndItsAnswerAreSeenAtEveryPointOfTheWay) {
  const auto events = seen_by("icmp and host 10.50.0.2", kPing);
  EXPECT_THAT(places(of_type(events, kRequest)), IsSupersetOf(kWayThere));
  EXPECT_THAT(places(of_type(events, kReply)), IsSupersetOf(kWayBack));
  EXPECT_EQ(of_type(events, kRequest).size() + of_type(events, kReply).size(), events.size()) << "nothing else, and no drop";
  EXPECT_EQ(identities(of_type(events, kRequest)).size(), 1u);
  EXPECT_EQ(identities(of_type(events, kReply)).size(), 1u);
  EXPECT_EQ(identities(events).size(), 2u);
  EXPECT_EQ(place(events.front()), kWayThere.front());
  EXPECT_EQ(place(events.back()), kWayBack.back());
}

TEST_F(KernelProbesTest, TranslationLiesBetweenTwoPoints) {
  const auto events = seen_by("icmp and host 10.50.0.2", kPing);
  std::map<std::string, const Event*> there, back;
  for (const Event& event : events) (event.packet->icmp_type == kRequest ? there : back)[place(event)] = &event;
  for (const std::string& name : kWayThere) ASSERT_TRUE(there.contains(name)) << name;
  for (const std::string& name : kWayBack) ASSERT_TRUE(back.contains(name)) << name;
  EXPECT_EQ(there["host postrouting eth0"]->packet->source, kContainer);
  EXPECT_EQ(there["host after_snat eth0"]->packet->source, kHost);
  EXPECT_EQ(there["host after_snat eth0"]->packet->destination, kRemote);
  EXPECT_EQ(there["remote input eth0"]->packet->source, kHost);
  EXPECT_EQ(back["host prerouting eth0"]->packet->destination, kHost);
  EXPECT_EQ(back["host after_dnat eth0"]->packet->destination, kContainer);
  EXPECT_EQ(back["container input eth0"]->packet->destination, kContainer);

  const auto& fresh = there["host after_snat eth0"]->conntrack;
  ASSERT_TRUE(fresh);
  EXPECT_EQ(fresh->state, "new");
  EXPECT_TRUE(fresh->snat);
  EXPECT_FALSE(fresh->dnat);
  const auto& answered = back["host after_dnat eth0"]->conntrack;
  ASSERT_TRUE(answered);
  EXPECT_EQ(answered->state, "reply");
  EXPECT_EQ(answered->identity, fresh->identity);
  EXPECT_FALSE(there["host prerouting br0"]->conntrack) << "before connection tracking";
}

TEST_F(KernelProbesTest, ASightingSaysWhereAndWhose) {
  const auto events = seen_by("icmp and host 10.50.0.2", kPing);
  const Event& output = events.front();
  EXPECT_EQ(output.observer, Observer::netfilter_probe);
  EXPECT_EQ(output.clock, Event::Clock::exact);
  ASSERT_TRUE(output.process);
  EXPECT_EQ(output.process->name, "ping");
  EXPECT_FALSE(output.process_is_bystander);
  EXPECT_FALSE(output.macs) << "the neighbour is not asked for yet";
  for (const Event& event : events) {
    EXPECT_EQ(event.ethertype, 0x0800) << place(event);
    EXPECT_GE(event.captured.size(), 20u + 8u) << place(event);
    EXPECT_GT(event.device.index, 0) << place(event);
    EXPECT_TRUE(&event == &output || !event.process || event.process_is_bystander) << place(event);
  }
  const auto at_veth = only(events, [&](const Event& event) { return place(event) == "host ingress v2"; });
  ASSERT_EQ(at_veth.size(), 1u);
  EXPECT_EQ(at_veth[0].observer, Observer::tracepoint);
  ASSERT_TRUE(at_veth[0].macs);
  EXPECT_EQ(at_veth[0].macs->source.to_string() + "\n", container_->sh("ip -br link show eth0 | awk '{ print $3 }'").out);
  EXPECT_EQ(at_veth[0].macs->destination.to_string() + "\n", host().sh("ip -br link show br0 | awk '{ print $3 }'").out);
}

TEST_F(KernelProbesTest, OnePacketAloneIsFollowedThroughTranslationWhereThatIsWanted) {
  ProbeConfig alone = wishing("icmp and src host 10.50.0.2");
  alone.follow = Follow::packet;
  const auto events = seen_by(alone, kPing);
  EXPECT_THAT(places(of_type(events, kRequest)), IsSupersetOf(kWayThere));
  EXPECT_TRUE(of_type(events, kReply).empty());
}

TEST_F(KernelProbesTest, MemoryThatIsUsedAgainIsAnotherPacket) {
  const ProbeConfig hooks = wishing("icmp");
  ProbeConfig devices = hooks;  // no `output`, at which a packet is known to be new
  devices.namespaces.clear();
  for (const ProbeConfig& each : {hooks, devices}) {
    const auto events = seen_by(each, "ping -n -c30 -i0.002 -W5 192.0.2.2");
    EXPECT_EQ(identities(of_type(events, kRequest)).size(), 30u);
    EXPECT_EQ(identities(of_type(events, kReply)).size(), 30u);
    EXPECT_EQ(identities(events).size(), 60u);
  }
}

TEST_F(KernelProbesTest, WhatARuleDropsEndsThere) {
  ASSERT_THAT(host().sh("nft add rule ip t forward icmp type echo-request drop"), Succeeds());
  const auto events = seen_by("icmp and host 10.50.0.2", "ping -n -c1 -W0.2 192.0.2.2");
  ASSERT_FALSE(events.empty());
  const Event& last = events.back();
  EXPECT_EQ(place(last), "host drop br0");
  ASSERT_TRUE(last.drop);
  EXPECT_EQ(last.drop->reason, "NETFILTER_DROP");
  if (host().sh("grep -qv ^0000000000000000 /proc/kallsyms").ok()) {
    EXPECT_EQ(last.drop->where, "nft_do_chain");
  }
  EXPECT_EQ(identities(events).size(), 1u);
}

TEST_F(KernelProbesTest, AnErrorAboutAPacketBelongsToItsConnection) {
  const auto events = seen_by("udp port 9", "echo x | nc -u -w1 192.0.2.2 9");
  const auto errors = only(events, [](const Event& event) { return event.packet && event.packet->protocol == IPPROTO_ICMP; });
  EXPECT_THAT(places(errors), IsSupersetOf({"remote output eth0", "host prerouting eth0", "container input eth0"}));
  EXPECT_EQ(identities(errors).size(), 1u);
  const auto drops = only(events, [](const Event& event) { return event.point == Point::drop; });
  EXPECT_THAT(places(drops), Contains("remote drop eth0"));
}

TEST_F(KernelProbesTest, ASegmentKeepsItsIdentityWhereItsBufferIsCopied) {
  const auto events = seen_by("tcp port 7 and host 10.50.0.2", "echo something | nc -N -w5 192.0.2.2 7");
  constexpr uint8_t kPush = 8;
  const auto pushed = only(events, [](const Event& event) {
    return event.packet && event.packet->destination_port == Port{7} && (event.packet->tcp_flags & kPush) != 0;
  });
  EXPECT_THAT(places(pushed), IsSupersetOf(kWayThere));
  EXPECT_EQ(identities(pushed).size(), 1u);
}

TEST_F(KernelProbesTest, Ipv6IsSeenTheSame) {
  const auto events = seen_by("icmp6 and host fd50::2", "ping -n -c1 -W5 fd50::1");
  constexpr uint8_t kRequest6 = 128, kReply6 = 129;
  EXPECT_THAT(places(of_type(events, kRequest6)), IsSupersetOf({"container output eth0", "container transmit eth0",
                                                                "host ingress v2", "host prerouting br0", "host input br0"}));
  EXPECT_THAT(places(of_type(events, kReply6)), IsSupersetOf({"host output br0", "container input eth0"}));
}

TEST_F(KernelProbesTest, AFilterThatDoesNotMatchIsSilent) {
  EXPECT_THAT(places(seen_by("tcp", kPing)), ElementsAre());
  EXPECT_THAT(places(seen_by("icmp and host 10.50.0.77", kPing)), ElementsAre());
}

TEST_F(KernelProbesTest, TwoObserversDoNotHinderEachOther) {
  std::vector<Event> first, second;
  ProbeConfig every_ping = wishing("icmp");
  every_ping.tracepoints = Tracepoints::of_watched_namespaces;  // the machine's other pings may be more than there is room for
  const auto one = attach(every_ping, first);
  const auto other = attach(wishing("icmp and host 10.50.0.2"), second);
  ASSERT_THAT(container_->sh(kPing), Succeeds());
  one->drain();
  other->drain();
  EXPECT_EQ(one->lost(), 0U);
  EXPECT_EQ(other->lost(), 0U);
  leave_out_others(first);
  leave_out_others(second);
  EXPECT_THAT(places(of_type(first, kRequest)), IsSupersetOf(kWayThere));
  EXPECT_THAT(places(of_type(second, kRequest)), IsSupersetOf(kWayThere));
  EXPECT_EQ(first.size(), second.size());
}

TEST_F(KernelProbesTest, TracepointsOfOtherNamespacesAreLeftOutWhereThatIsWanted) {
  ProbeConfig one = wishing("icmp and host 10.50.0.2");
  one.namespaces = {networks_[0].get()};
  EXPECT_THAT(places(seen_by(one, kPing)), Contains("remote transmit eth0"));
  one.tracepoints = Tracepoints::of_watched_namespaces;
  const auto events = seen_by(one, kPing);
  EXPECT_THAT(places(events), Each(HasSubstr("container ")));
  EXPECT_THAT(places(of_type(events, kReply)), Contains("container input eth0")) << "followed all the same";
}

TEST_F(KernelProbesTest, ANamespaceMayComeLater) {
  ProbeConfig none = wishing("icmp and host 10.50.0.2");
  none.namespaces.clear();
  std::vector<Event> events;
  const auto probes = attach(none, events);
  ASSERT_THAT(container_->sh(kPing), Succeeds());
  probes->drain();
  EXPECT_THAT(places(events), AllOf(Contains("container egress eth0"), Not(Contains("container output eth0"))));
  for (int times = 0; times < 2; ++times) ASSERT_TRUE(probes->add_namespace(networks_[0].get()));
  events.clear();
  ASSERT_THAT(container_->sh(kPing), Succeeds());
  probes->drain();
  const auto all = places(events);
  EXPECT_EQ(std::count(all.begin(), all.end(), "container output eth0"), 1) << "twice asked for, once observed";
}

TEST_F(KernelProbesTest, ANamespaceThatEndsIsLetGo) {
  Container other = container(3);
  UniqueFd network = network_of(other);
  const uint64_t inode = netns::identity_of(network.get())->inode;
  std::vector<Event> events;
  const auto probes = attach(wishing("icmp and host 10.50.0.2"), events);
  ASSERT_TRUE(probes->add_namespace(network.get()));
  network.reset();
  other.end();
  probes->remove_namespace(inode);
  EXPECT_TRUE(lab::wait_until([&] { return !host().sh("ip link show v3").ok(); })) << "its end of the wire goes with it";
  ASSERT_THAT(container_->sh(kPing), Succeeds());
  probes->drain();
  EXPECT_THAT(places(of_type(events, kRequest)), IsSupersetOf(kWayThere));
}

TEST_F(KernelProbesTest, WhatFindsNoRoomIsCounted) {
  ProbeConfig tiny = wishing("icmp");
  tiny.ring_bytes = 1;  // a page
  std::vector<Event> events;
  const auto probes = attach(tiny, events);
  ASSERT_THAT(container_->sh("ping -n -c20 -i0.002 -W5 192.0.2.2"), Succeeds());
  EXPECT_GT(probes->lost(), 0u);
  const uint64_t lost = probes->lost();
  probes->drain();
  EXPECT_FALSE(events.empty());
  EXPECT_EQ(probes->lost(), lost);
}

TEST_F(KernelProbesTest, EventsComeWhileTheLoopTurns) {
  std::vector<Event> events;
  const auto probes = attach(wishing("icmp"), events);
  ASSERT_THAT(container_->sh(kPing), Succeeds());
  EXPECT_TRUE(lab::wait_until([&] { return loop_->turn(std::chrono::milliseconds(10)) && !events.empty(); }));
}

/// The message, where there must be one.
std::string complaint(const ProbeConfig& config) {
  auto loop = loop::EventLoop::create();
  auto probes = KernelProbes::attach(**loop, config, [](Event&&) {});
  return probes ? "it was attached" : probes.error().message();
}

TEST(KernelProbesRefusal, ABuildWithoutEbpfSaysWhatWasMissing) {
  if (built_with_ebpf()) {
    EXPECT_EQ(build_text(), "with eBPF");
    return;
  }
  EXPECT_THAT(build_text(), testing::StartsWith("without eBPF ("));
  EXPECT_THAT(complaint({}), HasSubstr(build_text()));
  EXPECT_THAT(try_ladder().at(0).why_not, HasSubstr(build_text()));
}

TEST(KernelProbesRefusal, AKernelWithoutTypesIsNamed) {
  if (!built_with_ebpf()) GTEST_SKIP() << "ebpf is missing: " << build_text();
  ProbeConfig config;
  config.filter = compiled("");
  config.kernel_files.types = "/nonexistent/btf";
  EXPECT_THAT(complaint(config), AllOf(HasSubstr("CONFIG_DEBUG_INFO_BTF"), HasSubstr("/nonexistent/btf"), HasSubstr("ENOENT")));
}

/// The same of a process that `becomes` somebody else before; "" where it could not.
std::string complaint_of(bool (*becomes)()) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return "";
  const UniqueFd reading(pipe[0]);
  UniqueFd writing(pipe[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    if (!becomes()) ::_exit(1);
    ProbeConfig config;
    config.filter = compiled("");
    const std::string text = complaint(config);
    ::_exit(::write(writing.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  writing.reset();
  std::string text(4096, '\0');
  const ssize_t size = ::read(reading.get(), text.data(), text.size());
  ::waitpid(child, nullptr, 0);
  text.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
  return text;
}

TEST(KernelProbesRefusal, AnOrdinaryUserIsToldWhatIsMissing) {
  if (!built_with_ebpf()) GTEST_SKIP() << "ebpf is missing: " << build_text();
  const std::string text = complaint_of([] { return ::geteuid() != 0 || ::setresuid(65534, 65534, 65534) == 0; });
  EXPECT_THAT(text, AllOf(HasSubstr("CAP_BPF"), HasSubstr("CAP_PERFMON"), HasSubstr("CAP_NET_ADMIN"), HasSubstr("as root")));
}

TEST(KernelProbesRefusal, RootOfAUserNamespaceIsToldThatItIsNotEnough) {
  if (!built_with_ebpf()) GTEST_SKIP() << "ebpf is missing: " << build_text();
  const std::string text = complaint_of([] { return ::unshare(CLONE_NEWUSER) == 0; });
  EXPECT_THAT(text, AllOf(HasSubstr("user namespace"), HasSubstr("root of the host"), HasSubstr("EPERM")));
}

TEST(Ladder, EachRungWorksOrSaysWhyNot) {
  const std::vector<Rung> rungs = try_ladder();
  ASSERT_FALSE(rungs.empty());
  for (const Rung& rung : rungs) {
    EXPECT_FALSE(rung.name.empty());
    EXPECT_FALSE(rung.gives.empty()) << rung.name;
    EXPECT_EQ(rung.works, rung.why_not.empty()) << rung.name << ": " << rung.why_not;
  }
}

}  // namespace
}  // namespace postern::probes
