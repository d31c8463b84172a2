#include "answer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "wish.h"

namespace postern::cni {
namespace {

using Json = nlohmann::json;

AddResult result() {
  AddResult result;
  result.interfaces = {{"blue", "02:00:00:00:00:01", "", 1400}, {"eth0", "02:00:00:00:00:03", "/run/netns/web", 1400}};
  result.ips = {{*parse_address("10.9.0.2/24"), parse_ip("10.9.0.1"), 1}, {*parse_address("fd09::2/64"), parse_ip("fd09::1"), 1}};
  result.routes = {{*parse_address("0.0.0.0/0"), parse_ip("10.9.0.1")}};
  result.dns.nameservers = {"10.9.0.1"};
  return result;
}

Json added(Version version) { return Json::parse(answer_added(result(), version)); }

TEST(CniAnswer, HasTheFamilyOfAnAddressBefore1_0) {
  for (const Version version : {Version::v0_3_0, Version::v0_3_1, Version::v0_4_0}) {
    const Json json = added(version);
    EXPECT_EQ(json["cniVersion"], std::string(name(version)));
    EXPECT_EQ(json["ips"][0], Json::parse(R"({"version":"4","interface":1,"address":"10.9.0.2/24","gateway":"10.9.0.1"})"));
    EXPECT_EQ(json["ips"][1]["version"], "6");
  }
}

TEST(CniAnswer, HasNoFamilySince1_0) {
  for (const Version version : {Version::v1_0_0, Version::v1_1_0}) {
    const Json json = added(version);
    EXPECT_EQ(json["cniVersion"], std::string(name(version)));
    EXPECT_EQ(json["ips"][0], Json::parse(R"({"interface":1,"address":"10.9.0.2/24","gateway":"10.9.0.1"})"));
  }
}

TEST(CniAnswer, HasTheMtuOfAnInterfaceSince1_1) {
  EXPECT_FALSE(added(Version::v1_0_0)["interfaces"][1].contains("mtu"));
  EXPECT_EQ(added(Version::v1_1_0)["interfaces"][1]["mtu"], 1400);
}

TEST(CniAnswer, HasASandboxOnlyInside) {
  const Json interfaces = added(Version::v1_0_0)["interfaces"];
  EXPECT_EQ(interfaces[0], Json::parse(R"({"name":"blue","mac":"02:00:00:00:00:01"})"));
  EXPECT_EQ(interfaces[1], Json::parse(R"({"name":"eth0","mac":"02:00:00:00:00:03","sandbox":"/run/netns/web"})"));
}

TEST(CniAnswer, HasRoutesAndDns) {
  const Json json = added(Version::v0_4_0);
  EXPECT_EQ(json["routes"], Json::parse(R"([{"dst":"0.0.0.0/0","gw":"10.9.0.1"}])"));
  EXPECT_EQ(json["dns"], Json::parse(R"({"nameservers":["10.9.0.1"]})"));
  EXPECT_EQ(Json::parse(answer_added({}, Version::v1_0_0))["dns"], Json::object());
}

TEST(CniAnswer, SaysWhyNot) {
  EXPECT_EQ(Json::parse(answer_refused({7, "mtu is not a number", ""}, Version::v0_4_0)),
            Json::parse(R"({"cniVersion":"0.4.0","code":7,"msg":"mtu is not a number"})"));
  EXPECT_EQ(Json::parse(answer_refused({7, "m", "d"}, Version::v0_4_0))["details"], "d");
}

TEST(CniAnswer, IsJsonWhateverTheWordsAre) {
  EXPECT_TRUE(Json::accept(answer_refused({5, std::string("\xff\x00\"", 3), "\xc3"}, kLatest)));
}

TEST(CniAnswer, TellsTheVersionsInTheOneThatWasAsked) {
  const Json json = Json::parse(answer_versions(Version::v0_4_0));
  EXPECT_EQ(json["cniVersion"], "0.4.0");
  EXPECT_EQ(json["supportedVersions"], Json::parse(R"(["0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"])"));
}

}  // namespace
}  // namespace postern::cni
