#include "control_reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ControlReply, AnErrorKeepsItsErrno) {
  const auto id = read_added(R"({"error":{"desc":"bad request: no","errno":"EADDRINUSE","reason":"x"}})");
  ASSERT_FALSE(id);
  EXPECT_TRUE(id.error().is(std::errc::address_in_use));
  EXPECT_THAT(id.error().message(), HasSubstr("bad request: no"));
  EXPECT_EQ(read_added(R"({"return":{"id":3}})"), forward::ForwardId{3});
}

TEST(ControlReply, WhatIsNoAnswerIsAnErrorAndNothingWorse) {
  for (const char* reply : {"", "x", "[]", "{}", R"({"return":7})", R"({"return":{"entries":[{}]}})", R"({"error":7})",
                            R"({"return":{"entries":[{"id":1,"proto":"tcp","host_addr":"x","host_port":1}]}})"}) {
    EXPECT_FALSE(read_list(reply)) << reply;
    EXPECT_FALSE(read_added(reply)) << reply;
    EXPECT_FALSE(status_text(reply, reply)) << reply;
  }
}

TEST(ControlReply, AListGoesThroughUnchanged) {
  const std::string entry = R"({"id":5,"proto":"udp","host_addr":"::1","host_port":1,"guest_addr":"fd00::7","guest_port":65535})";
  const auto list = read_list(R"({"return":{"entries":[)" + entry + "]}}");
  ASSERT_TRUE(list);
  const forward::PortRequest port = {stack::Protocol::udp, *Ipv6::parse("::1"), Port{1}, *Ipv6::parse("fd00::7"), Port{65535}};
  EXPECT_THAT(*list, ElementsAre(PublishedPort{5, port}));
  EXPECT_EQ(read_list(R"({"entries":[)" + entry + "]}"), list) << "slirp4netns's own list";
  std::string compact = list_json(*list);
  std::erase_if(compact, [](char c) { return c == ' ' || c == '\n'; });
  EXPECT_EQ(compact, "[" + entry + "]");
}

TEST(ControlReply, WhereAPortLeadsToMayBeUnknown) {
  const forward::PortRequest port = {stack::Protocol::tcp, Ipv4{}, Port{8080}, std::nullopt, Port{80}};
  EXPECT_EQ(list_json({{7, port}}).find("guest_addr"), std::string::npos);
}

}  // namespace
}  // namespace postern::cli
