#include "postern/journey/event_json.h"

#include <gtest/gtest.h>

#include "events.h"

namespace postern::journey {
namespace {

using test::ip;

/// With all that can be known.
Event whole() {
  Event event;
  event.time_ns = INT64_MAX;
  event.clock = Event::Clock::arrival;
  event.observer = Observer::rule_trace;
  event.point = Point::after_snat;
  event.network = {4026532301, "c1"};
  event.device = {7, "eth0", "veth"};
  event.macs = Macs{*Mac::parse("02:00:5e:00:53:01"), *Mac::parse("02:00:5e:00:53:02")};
  event.ethertype = 0x800;
  event.packet = test::tcp({ip("192.0.2.1"), Port{40'000}}, {ip("198.51.100.1"), Port{80}}, 0x12, 0xfffffffe, 3);
  event.packet->ip_id = 0xffff;
  event.identity = 0xffff888100000001;
  event.conntrack = Conntrack{0xffff888100000002, "established", true, true};
  event.process = Process{4711, "ping"};
  event.process_is_bystander = true;
  event.drop = Drop{"NETFILTER_DROP", "nft_do_chain"};
  event.rule = Rule{"inet postern forward", "tcp dport 80 drop", "drop", 12, "forward"};
  event.engine = "fast";
  event.mapping = Mapping{{ip("192.0.2.1"), Port{50'000}}, {ip("2001:db8::1"), Port{443}}};
  event.captured = {0x45, 0, 0xff};
  return event;
}

const std::string kWhole =
    R"({"time_ns":9223372036854775807,"clock":"arrival","observer":"rule_trace","point":"after_snat",)"
    R"("netns":{"inode":4026532301,"name":"c1"},"device":{"index":7,"name":"eth0","kind":"veth"},)"
    R"("macs":{"source":"02:00:5e:00:53:01","destination":"02:00:5e:00:53:02"},"ethertype":2048,)"
    R"("packet":{"family":4,"source":"192.0.2.1","destination":"198.51.100.1","protocol":"tcp","protocol_number":6,)"
    R"("source_port":40000,"destination_port":80,)"
    R"("tcp":{"flags":"SYN,ACK","sequence":4294967294,"acknowledgment":3},"ip_id":65535,"hop_limit":64,"bytes":60},)"
    R"("identity":"ffff888100000001","conntrack":{"identity":"ffff888100000002","state":"established","snat":true,"dnat":true},)"
    R"("process":{"pid":4711,"name":"ping","bystander":true},"drop":{"reason":"NETFILTER_DROP","where":"nft_do_chain"},)"
    R"("rule":{"chain":"inet postern forward","text":"tcp dport 80 drop","verdict":"drop","handle":12,"hook":"forward"},)"
    R"("engine":"fast","mapping":{"local":{"address":"192.0.2.1","port":50000},"remote":{"address":"2001:db8::1","port":443}},)"
    R"("captured":"4500ff"})";

TEST(EventJson, WritesAllThatIsKnown) {
  EXPECT_EQ(to_json(whole(), Captured::kept), kWhole);
  EXPECT_EQ(to_json(whole(), Captured::left_out), kWhole.substr(0, kWhole.find(R"(,"captured")")) + "}");
}

TEST(EventJson, WritesNothingOfWhatIsNotKnown) {
  EXPECT_EQ(to_json(Event{}, Captured::kept), R"({"time_ns":0,"clock":"exact","observer":"tracepoint","point":"ingress"})");
}

TEST(EventJson, ReadsWhatItWrote) {
  const auto event = event_from_json(kWhole);
  ASSERT_TRUE(event) << event.error().context;
  EXPECT_EQ(event->packet, whole().packet);
  EXPECT_EQ(event->captured, whole().captured);
  EXPECT_EQ(to_json(*event, Captured::kept), kWhole);
  const std::string least = to_json(Event{}, Captured::kept);
  EXPECT_EQ(to_json(*event_from_json(least), Captured::kept), least);
}

TEST(EventJson, ReadsPacketsOfEachKindAsTheyWere) {
  Packet fragment = test::udp({ip("192.0.2.1"), Port{}}, {ip("192.0.2.2"), Port{}});
  fragment.has_transport = false;
  fragment.fragment_offset = 1480;
  Packet icmp6 = test::ping("2001:db8::1", "2001:db8::2", 128);
  icmp6.protocol = IPPROTO_ICMPV6;
  icmp6.ip_id = 0xfffff;
  icmp6.icmp_code = 3;
  for (const Packet& packet : {fragment, icmp6, test::ping("192.0.2.1", "192.0.2.2", 8),
                               test::udp({ip("2001:db8::1"), Port{65'535}}, {ip("2001:db8::2"), Port{0}})}) {
    Event event;
    event.packet = packet;
    const auto again = event_from_json(to_json(event, Captured::kept));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->packet, packet) << to_json(event, Captured::kept);
  }
}

TEST(EventJson, EachPointAndObserverHasAName) {
  for (int i = 0; i <= static_cast<int>(Point::drop); ++i)
    EXPECT_EQ(point_named(name(static_cast<Point>(i))), static_cast<Point>(i));
  for (int i = 0; i <= static_cast<int>(Observer::relay); ++i) {
    EXPECT_EQ(observer_named(name(static_cast<Observer>(i))), static_cast<Observer>(i));
  }
  EXPECT_FALSE(point_named("nowhere"));
  EXPECT_FALSE(observer_named(""));
}

TEST(EventJson, PassesOverWhatIsNotKnown) {
  const auto event = event_from_json(R"({"time_ns":1,"observer":"relay","point":"tap_in","new":[{}],"device":null})");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->point, Point::tap_in);
}

TEST(EventJson, WritesNamesThatAreNotUtf8) {
  Event event;
  event.device.name = "a\xff";
  EXPECT_TRUE(event_from_json(to_json(event, Captured::kept)));
}

TEST(EventJson, WritesNothingThatATerminalObeys) {
  Event event;
  event.device.name =
      "a\x1b[2J\x7f\xc2\x9b"
      "2J\xc2\x80\xc2\x9f\xc2\xa0\xc3\xa9";
  const std::string line = to_json(event, Captured::kept);
  EXPECT_NE(line.find(R"(a\u001b[2J\u007f\u009b2J\u0080\u009f)"
                      "\xc2\xa0\xc3\xa9"),
            line.npos)
      << line;
  EXPECT_EQ(event_from_json(line)->device.name, event.device.name);
}

TEST(EventJson, TimesAreAsFarAsTheClockCounts) {
  const auto at = [](const char* time) {
    return event_from_json(std::string(R"({"time_ns":)") + time + R"(,"observer":"relay","point":"tap_in"})");
  };
  EXPECT_TRUE(at("9223372036854775807"));
  EXPECT_FALSE(at("9223372036854775808"));
}

/// The least event, with `more` in it.
std::string with(const std::string& more) { return R"({"time_ns":1,"observer":"relay","point":"tap_in",)" + more + "}"; }

TEST(EventJson, RefusesWhatCannotBe) {
  const std::pair<std::string, std::string> lines[] = {
      {"", "the line is no JSON"},
      {"{", "the line is no JSON"},
      {"[]", "is no object"},
      {"{}", "\"time_ns\" is missing"},
      {R"({"time_ns":1,"observer":"relay"})", "\"point\" is missing"},
      {R"({"time_ns":1,"observer":"relay","point":"moon"})", "\"point\" has a value that is not known"},
      {R"({"time_ns":1,"observer":"eye","point":"tap_in"})", "\"observer\" has a value that is not known"},
      {R"({"time_ns":-1,"observer":"relay","point":"tap_in"})", "\"time_ns\" is no whole number, or too large"},
      {R"({"time_ns":"1","observer":"relay","point":"tap_in"})", "\"time_ns\" is no whole number, or too large"},
      {with(R"("clock":"wall")"), "\"clock\" is neither exact nor arrival"},
      {with(R"("netns":7)"), "\"netns\" is no object"},
      {with(R"("netns":{"name":7})"), "\"name\" is no text"},
      {with(R"("device":{"index":2147483648})"), "\"index\" is no whole number, or too large"},
      {with(R"("ethertype":65536)"), "\"ethertype\" is no whole number, or too large"},
      {with(R"("ethertype":1.5)"), "\"ethertype\" is no whole number, or too large"},
      {with(R"("macs":{"source":"x","destination":"02:00:5e:00:53:01"})"), "\"source\" has a value that is not known"},
      {with(R"("identity":"0xff")"), "\"identity\" has a value that is not known"},
      {with(R"("identity":"10000000000000000")"), "\"identity\" has a value that is not known"},
      {with(R"("conntrack":{"snat":1})"), "\"snat\" is neither true nor false"},
      {with(R"("mapping":{"local":{"address":"192.0.2.1"}})"), "\"remote\" is missing"},
      {with(R"("captured":"4")"), "\"captured\" has half a byte"},
      {with(R"("captured":"4g")"), "\"captured\" is no row of hexadecimal digits"},
      {with(R"("packet":{"source":"192.0.2.1","destination":"::1"})"), "\"destination\" is of another family than the source"},
      {with(R"("packet":{"source":"192.0.2.1","destination":"host"})"), "\"destination\" has a value that is not known"},
      {with(R"("packet":{"source":"192.0.2.1","destination":"192.0.2.1","protocol_number":256})"),
       "\"protocol_number\" is no whole number, or too large"},
  };
  for (const auto& [line, why] : lines) {
    const auto event = event_from_json(line);
    ASSERT_FALSE(event) << line;
    EXPECT_EQ(event.error().context, "event: " + why) << line;
  }
}

TEST(EventJson, RefusesDepthAndLength) {
  const std::string deep = std::string(60'000, '[');
  EXPECT_FALSE(event_from_json(deep));
  EXPECT_FALSE(event_from_json(with(R"("x":)" + std::string(30'000, '[') + std::string(30'000, ']') + R"(,"point":"moon")")));
  EXPECT_FALSE(event_from_json(with(R"("engine":")" + std::string(70'000, 'x') + "\"")));
}

}  // namespace
}  // namespace postern::journey
