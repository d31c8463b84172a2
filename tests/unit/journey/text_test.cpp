#include "postern/journey/text.h"

#include <gtest/gtest.h>

#include "events.h"

namespace postern::journey {
namespace {

using test::ip;

Event event() {
  Event event;
  event.time_ns = 1'234'567;
  event.network = {4026532301, "c1"};
  event.point = Point::output;
  event.device.name = "eth0";
  event.packet = test::ping("10.77.0.2", "192.0.2.3", test::kRequest);
  event.conntrack = Conntrack{1, "new", true, false};
  event.process = Process{4711, "ping"};
  event.macs = Macs{*Mac::parse("02:00:5e:00:53:01"), *Mac::parse("02:00:5e:00:53:02")};
  return event;
}

TEST(EventLine, HasTheColumnsOfTheHeader) {
  const std::string line = event_line(event(), 1'000'000, Colour::none);
  EXPECT_EQ(
      line,
      "    0.234567  c1 4026532301              output      eth0        10.77.0.2 > 192.0.2.3  icmp echo request id 7 seq 1  "
      "ttl 64  ct new snat  ping(4711)  02:00:5e:00:53:01 > 02:00:5e:00:53:02");
  const std::string header = header_line();
  EXPECT_EQ(header.find("NAMESPACE"), line.find("c1"));
  EXPECT_EQ(header.find("POINT"), line.find("output"));
  EXPECT_EQ(header.find("DEVICE"), line.find("eth0"));
  EXPECT_EQ(header.find("PACKET"), line.find("10.77.0.2"));
}

TEST(EventLine, SaysWhatIsParticular) {
  Event told;
  told.point = Point::drop;
  told.drop = Drop{"NETFILTER_DROP", "nft_do_chain"};
  EXPECT_EQ(event_line(told, 1'000'000, Colour::none),
            "   -1.000000  -                          drop        -           NETFILTER_DROP in nft_do_chain");
  told.drop.reset();
  told.rule = Rule{"inet filter forward", "tcp dport 80 drop", "drop", 12, ""};
  EXPECT_TRUE(event_line(told, 0, Colour::none).ends_with("inet filter forward: tcp dport 80 drop -> drop (handle 12)"));
  told.rule.reset();
  told.mapping = Mapping{{ip("192.0.2.1"), Port{50'000}}, {ip("2001:db8::1"), Port{443}}};
  told.engine = "fast";
  EXPECT_TRUE(event_line(told, 0, Colour::none).ends_with("engine fast  local 192.0.2.1:50000 remote [2001:db8::1]:443"));
  told.process = Process{9, "cron"};
  told.process_is_bystander = true;
  EXPECT_TRUE(event_line(told, 0, Colour::none).ends_with("on cron(9)'s time"));
}

TEST(EventLine, ShowsNoControlCharacters) {
  Event hostile = event();
  const std::string name = "a\x1b[2J\n\x9b";
  hostile.network.name = hostile.device.name = hostile.process->name = hostile.conntrack->state = hostile.engine = name;
  hostile.drop = Drop{name, name};
  hostile.rule = Rule{name, name, name, 1, name};
  Journey journey;
  journey.hops.push_back({hostile, 0, {}});
  const std::string text = event_line(hostile, 0, Colour::none) + journeys_text(std::span(&journey, 1), Colour::none);
  for (const char each : text) EXPECT_TRUE(each == '\n' || (each >= ' ' && each <= '~')) << int{each};
  EXPECT_EQ(event_line(hostile, 0, Colour::none).find('\n'), std::string::npos);
  EXPECT_NE(text.find(R"(a\x1b[2J\x0a\x9b)"), std::string::npos) << "as all our programs show it";
  hostile.device.name = "büro0";
  EXPECT_NE(event_line(hostile, 0, Colour::none).find("büro0"), std::string::npos);
}

TEST(EventLine, IsColouredForATerminalOnly) {
  EXPECT_EQ(event_line(event(), 0, Colour::none).find('\x1b'), std::string::npos);
  EXPECT_NE(event_line(event(), 0, Colour::terminal).find("\x1b[1moutput     \x1b[0m"), std::string::npos);
}

TEST(JourneysText, SaysInWordsHowItEnded) {
  const auto text = [](Journey::End end) {
    Journey journey;
    journey.hops.push_back({event(), 0, {}});
    journey.end = end;
    return journeys_text(std::span(&journey, 1), Colour::none);
  };
  EXPECT_NE(text(Journey::End::delivered).find("  delivered, 1 hops"), std::string::npos);
  EXPECT_NE(text(Journey::End::dropped).find("  dropped, 1 hops"), std::string::npos);
  EXPECT_NE(text(Journey::End::to_host_socket).find("  to a socket of the host, 1 hops"), std::string::npos);
  EXPECT_EQ(name(Journey::End::to_host_socket), "to_host_socket") << "in JSON and on pages";
}

TEST(JourneysText, HasALaneForEachNamespace) {
  test::Scene scene;
  scene.identity = 1;
  const Packet inside = test::ping("10.77.0.2", "192.0.2.3", test::kRequest);
  Packet translated = test::ping("192.0.2.1", "192.0.2.3", test::kRequest);
  scene.see(1, Point::output, "eth0", inside).network.name = "c1";
  scene.see(2, Point::postrouting, "up0", inside);
  scene.see(2, Point::after_snat, "up0", translated);
  scene.identity = 2;
  scene.see(2, Point::ingress, "up0", test::ping("192.0.2.3", "192.0.2.1", test::kReply));
  EXPECT_EQ(journeys_text(scene.journeys(), Colour::none),
            "journey 1: 10.77.0.2 > 192.0.2.3  icmp echo request id 7 seq 1  end not seen, 3 hops, 0.002000 ms\n"
            "  c1 1\n"
            "       +0.000000  output      eth0\n"
            "  2\n"
            "       +0.001000  postrouting up0\n"
            "       +0.001000  after_snat  up0         source 10.77.0.2 -> 192.0.2.1\n"
            "\n"
            "journey 2 (answers 1): 192.0.2.3 > 192.0.2.1  icmp echo reply id 7 seq 1  end not seen, 1 hops, 0.000000 ms\n"
            "  2\n"
            "       +0.000000  ingress     up0\n");
}

TEST(JourneysText, GoesOnCountingBelowOthers) {
  test::Scene scene;
  scene.identity = 1;
  scene.see(1, Point::ingress, "up0", test::ping("10.77.0.2", "192.0.2.3", test::kRequest));
  auto journeys = scene.journeys();
  ASSERT_EQ(journeys.size(), 1U);
  journeys[0].answers = 4;
  const std::string text = journeys_text(journeys, Colour::none, 7);
  EXPECT_TRUE(text.starts_with("\njourney 8 (answers 5): ")) << text;
}

}  // namespace
}  // namespace postern::journey
