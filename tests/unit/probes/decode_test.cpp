// decode_test.cpp - what the kernel writes, as the event that it means.
#include "decode.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "record.h"

namespace postern::probes {
namespace {

using journey::Event;
using journey::Observer;
using journey::Point;

const KernelNames kNames = {.drop_reason = [](uint32_t reason) { return reason == 3 ? "NO_SOCKET" : fmt::format("{}", reason); },
                            .function = [](uint64_t address) { return fmt::format("at {:#x}", address); }};

/// 10.0.0.1 > 10.0.0.2, an echo request or its answer.
probe_record echo(uint8_t icmp_type) {
  probe_record record{};
  const uint8_t packet[] = {0x45, 0, 0,  28, 0x12, 0x34, 0,         0, 64, 1, 0, 0, 10, 0,
                            0,    1, 10, 0,  0,    2,    icmp_type, 0, 0,  0, 0, 7, 0,  9};
  std::memcpy(record.packet, packet, sizeof packet);
  record.captured = sizeof packet;
  record.ethertype = 0x0800;
  record.point = PROBE_PREROUTING;
  return record;
}

std::optional<Event> decoded(const probe_record& record) {
  return decode({reinterpret_cast<const uint8_t*>(&record), sizeof record}, kNames);
}

TEST(Decode, TellsWhereWhenAndWhat) {
  probe_record record = echo(8);
  record.time_ns = 123;
  record.identity = 0x8883091ee000;
  record.netns = 4026532177;
  record.device = 7;
  std::strcpy(record.device_name, "eth0");
  const auto event = decoded(record);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->time_ns, 123u);
  EXPECT_EQ(event->clock, Event::Clock::exact);
  EXPECT_EQ(event->point, Point::prerouting);
  EXPECT_EQ(event->observer, Observer::netfilter_probe);
  EXPECT_EQ(event->identity, 0x8883091ee000u);
  EXPECT_EQ(event->network.inode, 4026532177u);
  EXPECT_EQ(event->device.index, 7);
  EXPECT_EQ(event->device.name, "eth0");
  EXPECT_EQ(event->ethertype, 0x0800);
  ASSERT_TRUE(event->packet);
  EXPECT_EQ(event->packet->source, IpAddress(Ipv4::of(10, 0, 0, 1)));
  EXPECT_EQ(event->packet->icmp_sequence, 9);
  EXPECT_EQ(event->captured.size(), 28u);
  EXPECT_FALSE(event->macs);
  EXPECT_FALSE(event->conntrack);
  EXPECT_FALSE(event->process);
  EXPECT_FALSE(event->drop);
}

TEST(Decode, KnowsEveryPoint) {
  const std::array<Point, PROBE_POINTS> points = {Point::ingress, Point::prerouting, Point::after_dnat,  Point::input,
                                                  Point::forward, Point::output,     Point::postrouting, Point::after_snat,
                                                  Point::egress,  Point::transmit,   Point::drop};
  for (uint8_t number = 0; number < PROBE_POINTS; ++number) {
    probe_record record = echo(8);
    record.point = number;
    const auto event = decoded(record);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->point, points[number]);
    const bool at_device = points[number] == Point::ingress || points[number] == Point::egress ||
                           points[number] == Point::transmit || points[number] == Point::drop;
    EXPECT_EQ(event->observer, at_device ? Observer::tracepoint : Observer::netfilter_probe);
  }
}

TEST(Decode, MacsStandAsInTheFrame) {
  probe_record record = echo(8);
  for (uint8_t i = 0; i < 12; ++i) record.macs[i] = i;
  record.flags = PROBE_HAS_MACS;
  const auto event = decoded(record);
  ASSERT_TRUE(event && event->macs);
  EXPECT_EQ(event->macs->destination, (Mac{{0, 1, 2, 3, 4, 5}}));
  EXPECT_EQ(event->macs->source, (Mac{{6, 7, 8, 9, 10, 11}}));
}

TEST(Decode, ConnectionsHaveAStateAndTheirTranslation) {
  struct Case {
    uint8_t info;
    uint32_t status;
    const char* state;
    bool snat, dnat;
  };
  for (const Case& each : {Case{0, 0, "established", false, false},
                           {1, 0x20, "related", false, true},
                           {2, 0x10, "new", true, false},
                           {3, 0x30, "reply", true, true},
                           {4, 0, "related", false, false}}) {
    probe_record record = echo(8);
    record.conntrack = 0xffff888100000000;
    record.conntrack_info = each.info;
    record.conntrack_status = each.status;
    const auto event = decoded(record);
    ASSERT_TRUE(event && event->conntrack);
    EXPECT_EQ(event->conntrack->state, each.state);
    EXPECT_EQ(event->conntrack->snat, each.snat) << each.state;
    EXPECT_EQ(event->conntrack->dnat, each.dnat) << each.state;
    EXPECT_EQ(event->conntrack->identity, record.conntrack);
  }
}

TEST(Decode, APacketThatIsNotTrackedHasNoConnection) {
  probe_record record = echo(8);
  record.conntrack = 1;
  record.conntrack_info = 7;
  EXPECT_FALSE(decoded(record)->conntrack);
}

TEST(Decode, AProcessIsABystanderUnlessItSends) {
  probe_record record = echo(8);
  record.pid = 4711;
  std::memcpy(record.process_name, "sixteen_letters!", PROBE_NAME);  // no 0 at its end
  record.flags = PROBE_HAS_PROCESS;
  auto event = decoded(record);
  ASSERT_TRUE(event && event->process);
  EXPECT_EQ(event->process->pid, 4711);
  EXPECT_EQ(event->process->name, "sixteen_letters!");
  EXPECT_TRUE(event->process_is_bystander);
  record.flags |= PROBE_OWN_PROCESS;
  event = decoded(record);
  EXPECT_FALSE(event->process_is_bystander);
}

TEST(Decode, ADropHasItsReasonAndPlace) {
  probe_record record = echo(8);
  record.point = PROBE_DROP;
  record.reason = 12;
  record.location = 0x10;
  const auto event = decoded(record);
  ASSERT_TRUE(event && event->drop);
  EXPECT_EQ(event->drop->reason, "12");
  EXPECT_EQ(event->drop->where, "at 0x10");
}

TEST(Decode, TheOriginalOfAnAnswerThatWasCopiedToItsSocketIsNoDrop) {
  probe_record record = echo(0);
  record.point = PROBE_DROP;
  record.reason = 3;
  EXPECT_FALSE(decoded(record));
  record.reason = 12;
  EXPECT_TRUE(decoded(record)) << "dropped for another reason";
  record = echo(8);
  record.point = PROBE_DROP;
  record.reason = 3;
  EXPECT_TRUE(decoded(record)) << "a request";
}

TEST(Decode, WhatIsNoRecordIsNoEvent) {
  probe_record record = echo(8);
  EXPECT_FALSE(decode({reinterpret_cast<const uint8_t*>(&record), sizeof record - 1}, kNames));
  EXPECT_FALSE(decode({}, kNames));
  record.point = PROBE_POINTS;
  EXPECT_FALSE(decoded(record));
  record = echo(8);
  record.captured = PROBE_CAPTURED + 1;
  EXPECT_FALSE(decoded(record));
}

TEST(Decode, BytesThatAreNoPacketAreShownAsTheyAre) {
  probe_record record = echo(8);
  record.packet[0] = 0;
  const auto event = decoded(record);
  ASSERT_TRUE(event);
  EXPECT_FALSE(event->packet);
  EXPECT_EQ(event->captured.size(), 28u);
}

}  // namespace
}  // namespace postern::probes
