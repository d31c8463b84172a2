#include "postern/forward/port_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace postern::forward {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Ipv4 kGuest = Ipv4::of(10, 0, 2, 100);
constexpr uint16_t kTaken = 9005, kAnyPort = 40'000;

/// One port is somebody else's.
class FakeListeners final : public Listeners {
 public:
  Result<Listening> listen(const stack::Forward& forward) override {
    const Port port = forward.host_port.number == 0 ? Port{kAnyPort} : forward.host_port;
    if (port.number == kTaken || !open.insert(port.number).second) return fail(std::errc::address_in_use, "listen");
    return Listening{.port = port, .number = uint32_t{port.number} + 1};
  }
  Status close(const stack::Forward& forward, uint32_t number) override {
    EXPECT_EQ(number, uint32_t{forward.host_port.number} + 1);
    EXPECT_EQ(open.erase(forward.host_port.number), 1u);
    return {};
  }

  std::set<uint16_t> open;
};

class PortTableTest : public testing::Test {
 protected:
  FakeListeners listeners;
  PortTable table{listeners, {kGuest, std::nullopt}};
};

PortRequest request(uint16_t host, uint16_t guest, stack::Protocol protocol = stack::Protocol::tcp) {
  return {.protocol = protocol, .host_port = {host}, .guest_address = {}, .guest_port = {guest}};
}

TEST_F(PortTableTest, ListsWhatWasAddedInThatOrder) {
  const auto first = table.add(request(8080, 80)), second = table.add(request(8000, 81));
  ASSERT_TRUE(first && second);
  EXPECT_THAT(table.published(), ElementsAre(*first, *second));
  EXPECT_EQ(first->forward.guest_address, IpAddress(kGuest));
}

TEST_F(PortTableTest, TellsWhichPortBecameOfAny) {
  const auto added = table.add(request(0, 80));
  ASSERT_TRUE(added);
  EXPECT_EQ(added->forward.host_port, Port{kAnyPort});
  EXPECT_TRUE(table.remove(added->id));
  EXPECT_THAT(listeners.open, IsEmpty());
}

TEST_F(PortTableTest, NeverGivesAnIdTwice) {
  const auto first = table.add(request(8080, 80));
  ASSERT_TRUE(first && table.remove(first->id));
  const auto again = table.add(request(8080, 80));
  ASSERT_TRUE(again);
  EXPECT_NE(again->id, first->id);
  EXPECT_FALSE(table.remove(first->id));
  EXPECT_EQ(table.find(again->id), again->forward);
}

TEST_F(PortTableTest, PublishesARangeWholeOrNotAtAll) {
  const auto spec = parse_port_spec("9000-9009:9000");
  ASSERT_TRUE(spec && table.add(request(8080, 80)));
  const Status published = table.publish(*spec);
  ASSERT_FALSE(published);
  EXPECT_THAT(published.error().message(), HasSubstr("9005/tcp"));
  EXPECT_THAT(listeners.open, ElementsAre(8080));
  EXPECT_EQ(table.size(), 1u);
}

TEST_F(PortTableTest, KnowsAUdpPortInsideUntilTheLastThatLeadsToItIsGone) {
  const auto one = table.add(request(5000, 7, stack::Protocol::udp)), other = table.add(request(5001, 7, stack::Protocol::udp));
  ASSERT_TRUE(one && other);
  EXPECT_TRUE(table.remove(one->id));
  EXPECT_TRUE(table.publishes_udp_of(Port{7}));
  EXPECT_TRUE(table.remove(other->id));
  EXPECT_FALSE(table.publishes_udp_of(Port{7}));
}

TEST_F(PortTableTest, TakesTenThousandAdditionsAndRemovals) {
  for (int i = 0; i < 10'000; ++i) {
    const auto added = table.add(request(8080, 80));
    ASSERT_TRUE(added && table.remove(added->id));
  }
  EXPECT_EQ(table.size(), 0u);
  EXPECT_THAT(listeners.open, IsEmpty());
}

TEST_F(PortTableTest, RefusesIpv6WhereTheNamespaceHasNone) {
  const auto added = table.add({.host_address = Ipv6{}, .host_port = {8080}, .guest_address = {}, .guest_port = {80}});
  ASSERT_FALSE(added);
  EXPECT_TRUE(added.error().is(std::errc::address_family_not_supported));
}

}  // namespace
}  // namespace postern::forward
