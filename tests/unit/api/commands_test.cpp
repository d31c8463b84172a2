// commands_test.cpp - requests and their answers, to the byte where slirp4netns's clients look at them.
#include "postern/api/commands.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "fake_instance.h"

namespace postern::api {
namespace {

using testing::HasSubstr;

std::string ask(test::FakeInstance& instance, std::string_view request, Input input = Input::open) {
  return answer(request, input, instance).value_or("(more)");
}

std::string ask(std::string_view request, Input input = Input::open) {
  test::FakeInstance instance;
  return ask(instance, request, input);
}

std::string add(std::string_view arguments) {
  return fmt::format(R"({{"execute":"add_hostfwd","arguments":{{{}}}}})", arguments);
}
std::string refusal(std::string_view description) {
  return fmt::format(R"({{"error":{{"desc":"bad request: {}"}}}})", description);
}

TEST(Commands, AnswerWrongRequestsInSlirp4netnsWords) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"x", "cannot parse JSON"},
      {"{'execute':1}", "cannot parse JSON"},
      {"/* */{}", "cannot parse JSON"},
      {R"({"execute":tru3})", "cannot parse JSON"},
      {R"({"a":1])", "cannot parse JSON"},
      {"\x01", "cannot parse JSON"},
      {"{\"a\":\"\xff\"}", "cannot parse JSON"},
      {"[1]", "json_object() failed"},
      {"\"list_hostfwd\"", "json_object() failed"},
      {"12 ", "json_object() failed"},
      {"null", "json_object() failed"},
      {"{}", "no execute found"},
      {R"({"arguments":{}})", "no execute found"},
      {R"({"execute":7})", "no execute found"},
      {R"({"execute":null})", "no execute found"},
      {R"({"execute":""})", "unknown execute"},
      {R"({"execute":"Add_hostfwd"})", "unknown execute"},
      {R"({"execute":"remove_hostfwd"})", "remove_hostfwd: bad arguments.id"},
      {R"({"execute":"remove_hostfwd","arguments":7})", "remove_hostfwd: bad arguments.id"},
      {R"({"execute":"remove_hostfwd","arguments":{"id":"1"}})", "remove_hostfwd: bad arguments.id"},
      {R"({"execute":"remove_hostfwd","arguments":{"id":-1}})", "remove_hostfwd: bad arguments.id"},
      {R"({"execute":"remove_hostfwd","arguments":{"id":99}})", "remove_hostfwd: bad arguments.id"},
      {R"({"execute":"remove_hostfwd","arguments":{"id":1,"kill":1}})", "remove_hostfwd: bad arguments.kill"},
  };
  for (const auto& [request, description] : cases) EXPECT_EQ(ask(request), refusal(description)) << request;
}

TEST(Commands, NameTheFirstWrongArgumentInSlirp4netnsOrder) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "proto"},
      {R"("host_port":80,"guest_port":80)", "proto"},
      {R"("proto":null)", "proto"},
      {R"("proto":"TCP")", "proto"},
      {R"("proto":"sctp","host_addr":"x","host_port":-1)", "proto"},
      {R"("proto":"tcp","host_addr":"x","host_port":-1)", "host_addr"},
      {R"("proto":"tcp","host_addr":"localhost","host_port":80,"guest_port":80)", "host_addr"},
      {R"("proto":"tcp","host_addr":7,"host_port":80,"guest_port":80)", "host_addr"},
      {R"("proto":"tcp","guest_addr":"x")", "host_port"},
      {R"("proto":"tcp","host_port":"80","guest_port":80)", "host_port"},
      {R"("proto":"tcp","host_port":70000,"guest_port":80)", "host_port"},
      {R"("proto":"tcp","host_port":65536,"guest_port":80)", "host_port"},
      {R"("proto":"tcp","host_port":-1,"guest_port":80)", "host_port"},
      {R"("proto":"tcp","host_port":0.5,"guest_port":80)", "host_port"},
      {R"("proto":"tcp","host_port":1e30,"guest_port":80)", "host_port"},
      {R"("proto":"tcp","host_port":true,"guest_port":80)", "host_port"},
      {R"("proto":"tcp","host_port":80,"guest_addr":"10.0.2"})", "guest_addr"},
      {R"("proto":"tcp","host_port":80,"guest_addr":"10.0.2","guest_port":0)", "guest_addr"},
      {R"("proto":"tcp","host_port":80,"guest_addr":"fd00::1","guest_port":80)", "guest_addr"},
      {R"("proto":"tcp","host_addr":"::1","host_port":80,"guest_addr":"10.0.2.100","guest_port":80)", "guest_addr"},
      {R"("proto":"tcp","host_port":80)", "guest_port"},
      {R"("proto":"tcp","host_port":80,"guest_port":0)", "guest_port"},
      {R"("proto":"tcp","host_port":80,"guest_port":70000)", "guest_port"},
      {R"("proto":"udp","host_port":80,"guest_port":-1)", "guest_port"},
      {R"("proto":"udp","host_port":80,"guest_port":"80")", "guest_port"},
  };
  for (const auto& [arguments, name] : cases) {
    EXPECT_EQ(ask(add(arguments)), refusal(fmt::format("add_hostfwd: bad arguments.{}", name))) << arguments;
  }
}

TEST(Commands, AddRefusesAGuestAddressThatNoFrameMayCarry) {
  const std::pair<const char*, const char*> cases[] = {
      {"0.0.0.0", "127.0.0.1"},       {"0.0.0.0", "0.1.2.3"}, {"0.0.0.0", "224.0.0.1"},
      {"0.0.0.0", "255.255.255.255"}, {"::", "::1"},          {"::", "ff02::1"},
      {"::", "::ffff:10.0.2.100"},    {"::", "::10.0.2.100"}};
  for (const auto& [host, guest] : cases) {
    const std::string reply = ask(
        add(fmt::format(R"("proto":"tcp","host_addr":"{}","host_port":8080,"guest_addr":"{}","guest_port":80)", host, guest)));
    EXPECT_THAT(reply, HasSubstr(R"("desc":"bad request: add_hostfwd: bad arguments.guest_addr","reason":"no )")) << guest;
  }
}

TEST(Commands, AddTakesAnUnspecifiedGuestAddressAsTheDefault) {
  for (const char* guest : {"0.0.0.0", "::"}) {
    test::FakeInstance instance;
    (void)ask(instance, add(fmt::format(R"("proto":"tcp","host_port":8080,"guest_addr":"{}","guest_port":80)", guest)));
    ASSERT_EQ(instance.published.size(), 1u) << guest;
    EXPECT_EQ(instance.published.at(0).forward.guest_address, IpAddress(Ipv4::of(10, 0, 2, 100)));
  }
}

TEST(Commands, AddTakesAnEmptyOrMissingAddressAsTheDefault) {
  for (const char* addresses : {"", R"("host_addr":"","guest_addr":"",)", R"("host_addr":null,"guest_addr":null,)"}) {
    test::FakeInstance instance;
    EXPECT_EQ(ask(instance, add(std::string(R"("proto":"tcp",)") + addresses + R"("host_port":8080,"guest_port":80)")),
              R"({"return":{"id":1}})");
    const stack::Forward expected = {stack::Protocol::tcp, Ipv4{}, Port{8080}, Ipv4::of(10, 0, 2, 100), Port{80}};
    EXPECT_EQ(instance.published.at(0).forward, expected) << addresses;
  }
}

TEST(Commands, AddTakesAddressesOfBothFamilies) {
  test::FakeInstance instance;
  EXPECT_EQ(ask(instance, add(R"("proto":"udp","host_addr":"::1","host_port":1,"guest_addr":"fd00::7","guest_port":65535)")),
            R"({"return":{"id":1}})");
  EXPECT_EQ(
      ask(instance, add(R"("proto":"tcp","host_addr":"127.0.0.1","host_port":65535,"guest_addr":"10.0.2.7","guest_port":1)")),
      R"({"return":{"id":2}})");
  EXPECT_EQ(ask(instance, R"({"execute":"list_hostfwd"})"),
            R"({"return":{"entries":[)"
            R"({"id":1,"proto":"udp","host_addr":"::1","host_port":1,"guest_addr":"fd00::7","guest_port":65535},)"
            R"({"id":2,"proto":"tcp","host_addr":"127.0.0.1","host_port":65535,"guest_addr":"10.0.2.7","guest_port":1}]},)"
            R"("entries":[)"
            R"({"id":1,"proto":"udp","host_addr":"::1","host_port":1,"guest_addr":"fd00::7","guest_port":65535},)"
            R"({"id":2,"proto":"tcp","host_addr":"127.0.0.1","host_port":65535,"guest_addr":"10.0.2.7","guest_port":1}]})");
}

TEST(Commands, AddWithPortZeroTellsTheChosenPort) {
  EXPECT_EQ(ask(add(R"("proto":"tcp","host_port":0,"guest_port":80)")), R"({"return":{"id":1,"host_port":31000}})");
}

TEST(Commands, AWholeNumberMayBeWrittenWithAFraction) {
  EXPECT_EQ(ask(add(R"("proto":"tcp","host_port":8080.0,"guest_port":8e1)")), R"({"return":{"id":1}})");
}

TEST(Commands, AFailedAddNamesTheErrnoBesideSlirp4netnsText) {
  test::FakeInstance instance;
  instance.refusal = fail(std::errc::address_in_use, "listen on 0.0.0.0 port 8080").value();
  EXPECT_EQ(ask(instance, add(R"("proto":"tcp","host_port":8080,"guest_port":80)")),
            R"({"error":{"desc":"bad request: add_hostfwd: slirp_add_hostfwd failed","errno":"EADDRINUSE",)"
            R"("reason":"Address already in use: listen on 0.0.0.0 port 8080"}})");
  instance.refusal = fail(std::errc::io_error, "close").value();
  EXPECT_THAT(ask(instance, R"({"execute":"remove_hostfwd","arguments":{"id":1}})"),
              HasSubstr(R"("desc":"bad request: remove_hostfwd: slirp_remove_hostfwd failed","errno":"EIO")"));
}

TEST(Commands, AnErrorOfAnyBytesIsStillJson) {
  test::FakeInstance instance;
  instance.refusal = fail("\xff\"\n").value();
  EXPECT_TRUE(nlohmann::json::accept(ask(instance, add(R"("proto":"tcp","host_port":8080,"guest_port":80)"))));
}

TEST(Commands, ARemovedPortsConnectionsEndWhereThatIsAskedFor) {
  for (const bool kill : {true, false}) {
    test::FakeInstance instance;
    (void)ask(instance, add(R"("proto":"tcp","host_port":8080,"guest_port":80)"));
    const std::string arguments = fmt::format(R"({{"id":1,"kill":{}}})", kill);
    EXPECT_EQ(ask(instance, R"({"execute":"remove_hostfwd","arguments":)" + arguments + "}"), R"({"return":{}})");
    EXPECT_EQ(instance.last_open, kill ? forward::OpenConnections::reset : forward::OpenConnections::go_on);
  }
}

TEST(Commands, IdsAreNeverGivenTwice) {
  test::FakeInstance instance;
  const std::string request = add(R"("proto":"tcp","host_port":8080,"guest_port":80)");
  EXPECT_EQ(ask(instance, request), R"({"return":{"id":1}})");
  EXPECT_EQ(ask(instance, R"({"execute":"remove_hostfwd","arguments":{"id":1}})"), R"({"return":{}})");
  EXPECT_EQ(ask(instance, R"({"execute":"remove_hostfwd","arguments":{"id":1}})"), refusal("remove_hostfwd: bad arguments.id"));
  EXPECT_EQ(ask(instance, request), R"({"return":{"id":2}})");
  EXPECT_EQ(ask(R"({"execute":"list_hostfwd"})"), R"({"return":{"entries":[]},"entries":[]})");
}

// ---- requests in pieces

TEST(Commands, EveryBeginningOfARequestWaitsForMore) {
  const std::string request =
      add(R"("proto":"tcp","host_addr":"\u0031é","host_port":-1.5e3,"x":[true,false,null,{}],"guest_port":80)");
  for (size_t size = 0; size < request.size(); ++size) {
    EXPECT_EQ(ask(std::string_view(request).substr(0, size)), "(more)") << size;
    EXPECT_EQ(ask(std::string_view(request).substr(0, size), Input::ended), refusal("cannot parse JSON")) << size;
  }
  EXPECT_EQ(ask(request), refusal("add_hostfwd: bad arguments.host_addr"));
}

TEST(Commands, WhatFollowsTheFirstValueIsNotLookedAt) {
  for (const char* rest : {"\n", "\x01", "garbage", "{\"execute\":\"remove_hostfwd\"}", "]"}) {
    EXPECT_EQ(ask(std::string(R"( {"execute":"list_hostfwd"})") + rest), R"({"return":{"entries":[]},"entries":[]})") << rest;
  }
}

TEST(Commands, NothingAtAllIsNoJson) { EXPECT_EQ(ask("", Input::ended), refusal("cannot parse JSON")); }

TEST(Commands, ARequestOf4095BytesIsServedAndOneMoreIsTooLarge) {
  std::string request = R"({"execute":"list_hostfwd"})";
  request.resize(4095, ' ');
  EXPECT_EQ(ask(request), R"({"return":{"entries":[]},"entries":[]})");
  EXPECT_EQ(ask(request + " "), refusal("too large message"));
  EXPECT_EQ(ask(std::string(4095, '[')), "(more)") << "as deep as a request can be";
  EXPECT_EQ(ask(std::string(4096, '[')), refusal("too large message"));
}

// ---- ours

TEST(Commands, StatusTellsWhoAndWhereAndHowMuch) {
  const auto status = nlohmann::json::parse(ask(R"({"execute":"status"})")).at("return");
  EXPECT_EQ(status.at("version"), "1.2.3");
  EXPECT_EQ(status.at("pid"), 4711);
  EXPECT_EQ(status.at("uptime_seconds"), 5);
  EXPECT_EQ(status.at("tap").at("vnet_header"), true);
  EXPECT_EQ(status.at("tap").at("superframes4"), true);
  EXPECT_EQ(status.at("tap").at("superframes6"), false);
  EXPECT_EQ(status.at("network").at("cidr"), "10.0.2.0/24");
  EXPECT_EQ(status.at("network").at("guest_addr6"), "fd00::100");
  EXPECT_EQ(status.at("network").at("host_loopback"), "closed");
  EXPECT_EQ(status.at("flows").at("limit"), 1024);
  EXPECT_EQ(status.at("loopback_clients").at("way"), "tap");
  EXPECT_EQ(status.at("loopback_clients").at("source"), "gateway");
}

TEST(Commands, CountersNameEveryDrop) {
  const auto counters = nlohmann::json::parse(ask(R"({"execute":"counters"})")).at("return");
  EXPECT_EQ(counters.at("frames_from_guest"), 7);
  EXPECT_EQ(counters.at("drops").size(), relay::kDropReasons);
  EXPECT_EQ(counters.at("drops").at("martian_source"), 1);
  EXPECT_EQ(counters.at("fast_tcp").at("opened"), 3);
}

TEST(Commands, WhatAnInstanceNeedNotHaveIsToldWhereItHasIt) {
  test::FakeInstance instance;
  const auto told = [&](const char* request) { return nlohmann::json::parse(ask(instance, request)).at("return"); };
  for (const char* absent : {"spliced", "fast_datagrams", "dns"}) {
    EXPECT_FALSE(told(R"({"execute":"counters"})").contains(absent)) << absent;
  }
  EXPECT_FALSE(told(R"({"execute":"status"})").contains("dns"));

  const dns::NameServer link_local = {*Ipv6::parse("fe80::1"), 3};
  instance.names = {{{Ipv4::of(192, 0, 2, 53)}, link_local}, link_local, 5, {.timed_out = 4}};
  instance.spliced = {.opened = 8, .refused = 1, .bytes_to_guest = 6, .bytes_to_client = 7};
  instance.datagrams = {.lost = 9};
  EXPECT_EQ(told(R"({"execute":"status"})").at("dns"),
            nlohmann::json::parse(R"({"servers":["192.0.2.53","fe80::1%3"],"answering":"fe80::1%3","pending":5})"));
  const auto counters = told(R"({"execute":"counters"})");
  EXPECT_EQ(counters.at("dns").at("timed_out"), 4);
  EXPECT_EQ(counters.at("fast_datagrams").at("lost"), 9);
  EXPECT_EQ(counters.at("spliced"), nlohmann::json::parse(R"({"opened":8,"refused":1,"bytes_to_guest":6,"bytes_to_client":7})"));
}

TEST(Commands, FlowsSayNullForWhatIsNotKnown) {
  test::FakeInstance instance;
  stack::Flow flow;
  flow.state = "ESTABLISHED";
  flow.guest_port = Port{40'000};
  flow.remote = stack::Endpoint{*Ipv6::parse("2001:db8::1"), Port{80}};
  instance.listed = {{flow}, 2};
  EXPECT_EQ(ask(instance, R"({"execute":"list_flows"})"),
            R"({"return":{"flows":[{"proto":"tcp","direction":"outbound","state":"ESTABLISHED","guest_addr":null,)"
            R"("guest_port":40000,"remote_addr":"2001:db8::1","remote_port":80,"host_addr":null,)"
            R"("bytes_to_guest":0,"bytes_to_remote":0}],"total":2}})");
}

TEST(Commands, ATraceIsGrantedWithAFilterThatIsUnderstoodOrNone) {
  for (const auto& [arguments, text] :
       {std::pair(R"("arguments":{"filter":"icmp"})", "icmp"), std::pair(R"("arguments":{})", "")}) {
    test::FakeInstance instance;
    std::unique_ptr<Subscription> events;
    const auto reply = answer(fmt::format(R"({{"execute":"trace",{}}})", arguments), Input::open, instance, &events);
    EXPECT_EQ(reply, R"({"return":{"version":1}})");
    ASSERT_TRUE(events);
    EXPECT_EQ(instance.traced, text);
    EXPECT_EQ(instance.traced_to, &events->stream);
  }
}

TEST(Commands, ATraceFollowsConnectionsOrPacketsAlone) {
  using Extent = journey::Following::Extent;
  for (const auto& [arguments, follow] :
       {std::pair("{}", Extent::connection), std::pair(R"({"follow":"connection"})", Extent::connection),
        std::pair(R"({"follow":"packet"})", Extent::packet)}) {
    test::FakeInstance instance;
    std::unique_ptr<Subscription> events;
    (void)answer(fmt::format(R"({{"execute":"trace","arguments":{}}})", arguments), Input::open, instance, &events);
    EXPECT_EQ(instance.followed, follow) << arguments;
  }
  test::FakeInstance instance;
  std::unique_ptr<Subscription> events;
  for (const char* wrong : {R"("socket")", "7", "null"}) {
    EXPECT_THAT(
        *answer(fmt::format(R"({{"execute":"trace","arguments":{{"follow":{}}}}})", wrong), Input::open, instance, &events),
        HasSubstr("bad arguments.follow"));
  }
  EXPECT_FALSE(instance.traced);
}

TEST(Commands, AFilterThatIsNotUnderstoodIsRefusedWithThePlaceToLookAt) {
  test::FakeInstance instance;
  std::unique_ptr<Subscription> events;
  const auto reply = answer(R"({"execute":"trace","arguments":{"filter":"tcp prot 80"}})", Input::open, instance, &events);
  ASSERT_TRUE(reply);
  const auto error = nlohmann::json::parse(*reply).at("error");
  EXPECT_EQ(error.at("desc"), "bad request: trace: bad arguments.filter");
  EXPECT_EQ(error.at("offset"), 4);
  EXPECT_FALSE(error.at("reason").get<std::string>().empty());
  EXPECT_FALSE(events);
  EXPECT_FALSE(instance.traced);
  EXPECT_THAT(*answer(R"({"execute":"trace","arguments":{"filter":7}})", Input::open, instance, &events),
              HasSubstr("bad arguments.filter"));
}

TEST(Commands, ATraceThatCannotBeHadSaysWhy) {
  test::FakeInstance instance;
  instance.refusal = Error{std::make_error_code(std::errc::device_or_resource_busy), "as many traces run as may"};
  std::unique_ptr<Subscription> events;
  EXPECT_THAT(*answer(R"({"execute":"trace"})", Input::open, instance, &events), HasSubstr("as many traces run as may"));
  EXPECT_FALSE(events);
}

TEST(Commands, WhereNothingCanFollowTheAnswerThereIsNoTrace) {
  EXPECT_EQ(ask(R"({"execute":"trace"})"), refusal("unknown execute"));
}

TEST(Commands, FlowsTellWhatTheyHaveCarriedWhereThatIsKnown) {
  test::FakeInstance instance;
  stack::Flow flow;
  flow.carried_to_guest = uint64_t{1} << 40;
  flow.carried_to_remote = 0;
  flow.rtt_guest = std::chrono::microseconds(70);
  flow.rtt_remote = std::chrono::microseconds(12'345);
  flow.age = std::chrono::milliseconds(1500);
  instance.listed = {{flow}, 1};
  const auto told = nlohmann::json::parse(ask(instance, R"({"execute":"list_flows"})")).at("return").at("flows").at(0);
  EXPECT_EQ(told.at("carried_to_guest"), uint64_t{1} << 40);
  EXPECT_EQ(told.at("carried_to_remote"), 0);
  EXPECT_EQ(told.at("rtt_guest_us"), 70);
  EXPECT_EQ(told.at("rtt_remote_us"), 12'345);
  EXPECT_EQ(told.at("age_ms"), 1500);
}

}  // namespace
}  // namespace postern::api
