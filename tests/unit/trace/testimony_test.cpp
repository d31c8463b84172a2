#include "testimony.h"

#include <gtest/gtest.h>

namespace postern::trace {
namespace {

using journey::Event, journey::Point;

const InstanceStream::Speaker kSpeaker{.pid = 4711, .name = "liar", .guest_inode = 100, .own_inode = 200, .since_ns = 1'000};
constexpr uint64_t kNow = 2'000;

Event lie() {
  Event event;
  event.time_ns = 1'500;
  event.observer = journey::Observer::tracepoint;
  event.point = Point::drop;
  event.network = {.inode = 4026531833, .name = "host"};
  event.device = {.index = 2, .name = "eth0", .kind = "veth"};
  event.identity = 0xffff888100000001;
  event.conntrack.emplace();
  event.process = {.pid = 1, .name = "sshd"};
  event.process_is_bystander = true;
  event.drop = {.reason = std::string(1'000, 'x'), .where = "nft_do_chain"};
  event.rule.emplace().verdict = "drop";
  event.mapping.emplace();
  event.engine = "fast";
  event.captured.resize(1'000);
  return event;
}

TEST(Testimony, SaysNothingOfWhatOthersKnow) {
  const auto event = testimony(lie(), kSpeaker, kNow);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->observer, journey::Observer::relay);
  EXPECT_EQ(event->network.inode, 0u);
  EXPECT_EQ(event->network.name + event->device.name + event->device.kind, "");
  EXPECT_EQ(event->device.index, 0);
  EXPECT_EQ(event->process.value().pid, 4711);
  EXPECT_EQ(event->process->name, "liar");
  EXPECT_FALSE(event->process_is_bystander);
  EXPECT_FALSE(event->rule || event->conntrack || event->mapping);
  EXPECT_EQ(event->engine, "");
  EXPECT_EQ(event->drop.value().reason.size(), 128u);
  EXPECT_EQ(event->captured.size(), 128u);
}

TEST(Testimony, IsOfItsOwnNamespaces) {
  for (const uint64_t inode : {100u, 200u}) {
    Event event = lie();
    event.network = {.inode = inode, .name = "host"};
    const auto kept = testimony(event, kSpeaker, kNow);
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->network.inode, inode);
    EXPECT_EQ(kept->network.name, "");
    EXPECT_EQ(kept->device.name, "") << "no relay drops at a device";
  }
  Event event = lie();
  event.point = Point::tap_in;
  event.network.inode = 100;
  event.device = {.index = 0, .name = "tap0", .kind = "veth"};
  EXPECT_EQ(testimony(event, kSpeaker, kNow).value().device.name, "tap0");
  EXPECT_EQ(testimony(event, kSpeaker, kNow)->device.kind, "tun");
  event.network.inode = 200;
  EXPECT_EQ(testimony(event, kSpeaker, kNow).value().device.name, "") << "it has none in its own";
}

TEST(Testimony, IsOfThePointsOfOurOwnStack) {
  Event event = lie();
  for (const Point point : {Point::ingress, Point::prerouting, Point::after_snat, Point::rule, Point::transmit}) {
    event.point = point;
    EXPECT_FALSE(testimony(event, kSpeaker, kNow)) << journey::name(point);
  }
  for (const Point point : {Point::tap_in, Point::engine, Point::host_socket, Point::tap_out}) {
    event.point = point;
    const auto kept = testimony(event, kSpeaker, kNow);
    ASSERT_TRUE(kept) << journey::name(point);
    EXPECT_FALSE(kept->drop);
    EXPECT_EQ(kept->mapping.has_value(), point == Point::host_socket);
    EXPECT_EQ(kept->engine, point == Point::engine ? "fast" : "");
  }
}

TEST(Testimony, IsOfTheTimeOfTheTrace) {
  const auto at = [](uint64_t time_ns) {
    Event event = lie();
    event.time_ns = time_ns;
    return testimony(event, kSpeaker, kNow).value().time_ns;
  };
  EXPECT_EQ(at(0), 1'000u);
  EXPECT_EQ(at(1'234), 1'234u);
  EXPECT_EQ(at(UINT64_MAX), kNow);
}

TEST(Testimony, HasAnIdentityThatNobodyElseGives) {
  const uint64_t identity = testimony(lie(), kSpeaker, kNow).value().identity;
  EXPECT_EQ(identity >> 40, 4711u);
  Event event = lie();
  event.identity = 0;
  EXPECT_EQ(testimony(event, kSpeaker, kNow).value().identity, 0u);
}

}  // namespace
}  // namespace postern::trace
