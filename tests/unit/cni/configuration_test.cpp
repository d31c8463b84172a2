#include "configuration.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::cni {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A configuration with `more` in it.
std::string with(std::string_view more = "", std::string_view version = "1.0.0") {
  return fmt::format(R"({{"cniVersion":"{}","name":"blue","type":"postern-cni"{}{}}})", version, more.empty() ? "" : ",", more);
}

Configuration read(std::string_view more) {
  const auto read = read_configuration(with(more));
  EXPECT_TRUE(read) << (read ? "" : read.error().message);
  return read.value_or(Configuration());
}

Refusal refused(std::string_view json) {
  const auto read = read_configuration(json);
  EXPECT_FALSE(read) << json;
  return read ? Refusal() : read.error();
}

TEST(CniConfiguration, MayBeNoMoreThanAName) {
  const Configuration configuration = read("");
  EXPECT_EQ(configuration.version, Version::v1_0_0);
  EXPECT_EQ(configuration.name, "blue");
  EXPECT_EQ(configuration.network.bridge, "blue");
  EXPECT_TRUE(configuration.network.subnets.empty());
  EXPECT_FALSE(configuration.ipam);
  EXPECT_FALSE(configuration.previous);
}

TEST(CniConfiguration, IsReadInEachVersionThatIsSpoken) {
  for (const std::string_view version : kVersions)
    EXPECT_EQ(read_configuration(with("", version))->version, parse_version(version));
}

TEST(CniConfiguration, OfAnotherVersionIsRefusedByCode) {
  const auto wanted = static_cast<unsigned>(Code::incompatible_version);
  for (const char* const version : {"0.1.0", "0.2.0", "1.2.0", "2.0.0", "", "1.0"}) {
    const Refusal refusal = refused(with("", version));
    EXPECT_EQ(refusal.code, wanted) << version;
    EXPECT_THAT(refusal.details, HasSubstr("0.3.1, 0.4.0, 1.0.0, 1.1.0"));
  }
  EXPECT_EQ(refused(R"({"name":"blue"})").code, wanted) << "none is 0.1.0";
}

TEST(CniConfiguration, ThatIsNoObjectIsRefusedByCode) {
  const auto wanted = static_cast<unsigned>(Code::undecodable);
  for (const char* const json : {"", "{", "[]", "null", "\"x\"", "{}x", "{\"a\":\"\xff\"}"})
    EXPECT_EQ(refused(json).code, wanted) << json;
  EXPECT_EQ(refused(std::string(1 << 16, '[')).code, wanted);
  EXPECT_EQ(refused(R"({"a":)" + std::string(1 << 16, '[')).code, wanted);
}

TEST(CniConfiguration, DescribesTheNetwork) {
  const NetworkWish wish =
      read(R"("bridge":"br-blue","subnets":["10.9.0.0/24","fd09::/64"],"ipv6":true,"internal":true,"isolate":"full",
      "icc":false,"masquerade":false,"mtu":1400,"external":"eth1","names":false,"ipForward":"require")")
          .network;
  EXPECT_EQ(wish.bridge, "br-blue");
  EXPECT_THAT(wish.subnets, ElementsAre(*parse_subnet("10.9.0.0/24"), *parse_subnet("fd09::/64")));
  EXPECT_EQ(wish.ipv6, true);
  EXPECT_EQ(wish.egress, bridge::Egress::nowhere);
  EXPECT_EQ(wish.isolation, bridge::Isolation::full);
  EXPECT_EQ(wish.inter_container, bridge::InterContainer::blocked);
  EXPECT_EQ(wish.masquerade, bridge::Masquerade::off);
  EXPECT_EQ(wish.mtu_bytes, 1400U);
  EXPECT_EQ(wish.external, "eth1");
  EXPECT_EQ(wish.names, false);
  EXPECT_EQ(wish.ip_forward, bridge::IpForward::require);
}

TEST(CniConfiguration, NamesTheKeyThatIsWrong) {
  const struct {
    const char* more;
    const char* key;
  } cases[] = {
      {R"("bridge":7)", "bridge"},
      {R"("bridge":"../x")", "bridge"},
      {R"("bridge":"sixteenletters16")", "bridge"},
      {R"("subnets":"10.9.0.0/24")", "subnets"},
      {R"("subnets":[9])", "subnets"},
      {R"("subnets":["10.9.0.0/99"])", "subnets"},
      {R"("ipv6":"yes")", "ipv6"},
      {R"("internal":1)", "internal"},
      {R"("isolate":"some")", "isolate"},
      {R"("mtu":-1)", "mtu"},
      {R"("mtu":1e9)", "mtu"},
      {R"("mtu":99999999999999999999)", "mtu"},
      {R"("ipam":[])", "ipam"},
      {R"("ipam":{"type":"../host-local"})", "ipam.type"},
      {R"("runtimeConfig":7)", "runtimeConfig"},
      {R"("runtimeConfig":{"portMappings":{}})", "runtimeConfig.portMappings"},
      {R"("runtimeConfig":{"portMappings":[7]})", "runtimeConfig.portMappings"},
      {R"("runtimeConfig":{"portMappings":[{"hostPort":80}]})", "runtimeConfig.portMappings.containerPort"},
      {R"("runtimeConfig":{"portMappings":[{"hostPort":65536,"containerPort":80}]})", "runtimeConfig.portMappings.hostPort"},
      {R"("runtimeConfig":{"portMappings":[{"hostPort":80,"containerPort":80,"protocol":"sctp"}]})",
       "runtimeConfig.portMappings.protocol"},
      {R"("runtimeConfig":{"portMappings":[{"hostPort":80,"containerPort":80,"hostIP":"x"}]})",
       "runtimeConfig.portMappings.hostIP"},
      {R"("runtimeConfig":{"ips":["10.9.0"]})", "runtimeConfig.ips"},
      {R"("runtimeConfig":{"mac":"x"})", "runtimeConfig.mac"},
      {R"("args":{"cni":{"ips":7}})", "args.cni.ips"},
      {R"("dns":{"nameservers":["1.1.1.1",2]})", "dns.nameservers"},
      {R"("prevResult":{"ips":[{}]})", "prevResult.ips.address"},
      {R"("prevResult":[])", "prevResult"},
      {R"("cni.dev/valid-attachments":[{"containerID":"a"}])", "cni.dev/valid-attachments.ifname"},
  };
  for (const auto& wrong : cases) {
    const Refusal refusal = refused(with(wrong.more));
    EXPECT_EQ(refusal.code, static_cast<unsigned>(Code::bad_configuration)) << wrong.more;
    EXPECT_THAT(refusal.message, testing::StartsWith(fmt::format("{} is not ", wrong.key))) << wrong.more;
  }
  EXPECT_THAT(refused(R"({"cniVersion":"1.0.0"})").message, HasSubstr("name"));
}

TEST(CniConfiguration, PassesOverWhatIsOthers) {
  read(R"("capabilities":{"portMappings":true},"args":{"labels":{"a":1}},"ipam":{},"runtimeConfig":null,"keyA":["some",1,null])");
}

TEST(CniConfiguration, PublishesPortsAsRanges) {
  const auto ports = read(R"("runtimeConfig":{"portMappings":[
      {"hostPort":8081,"containerPort":81,"protocol":"tcp","hostIP":""},{"hostPort":8080,"containerPort":80,"protocol":"tcp"},
      {"hostPort":53,"containerPort":53,"protocol":"udp","hostIP":"127.0.0.1"},{"hostPort":0,"containerPort":9},
      {"containerPort":9}]})")
                         .ports;
  ASSERT_EQ(ports.size(), 2U);
  EXPECT_EQ(ports[0], (bridge::PortRange{bridge::Protocol::tcp, std::nullopt, Port{8080}, Port{8081}, Port{80}}));
  EXPECT_EQ(ports[1], (bridge::PortRange{bridge::Protocol::udp, parse_ip("127.0.0.1"), Port{53}, Port{53}, Port{53}}));
}

TEST(CniConfiguration, TakesTheRuntimesAddressesBeforeTheArguments) {
  constexpr const char* kExtra = R"("args":{"cni":{"ips":["10.9.0.8"],"mac":"02:00:00:00:00:08"}})";
  EXPECT_THAT(read(kExtra).addresses, ElementsAre(*parse_ip("10.9.0.8")));
  EXPECT_EQ(read(kExtra).mac->to_string(), "02:00:00:00:00:08");
  const auto both =
      read(fmt::format(R"("runtimeConfig":{{"ips":["10.9.0.7/24","fd09::7/64"],"mac":"02:00:00:00:00:07"}},{})", kExtra));
  EXPECT_THAT(both.addresses, ElementsAre(*parse_ip("10.9.0.7"), *parse_ip("fd09::7")));
  EXPECT_EQ(both.mac->to_string(), "02:00:00:00:00:07");
}

TEST(CniConfiguration, TakesOfTheAliasesThoseOfThisNetworkThatMayBeNames) {
  EXPECT_THAT(
      read(R"("runtimeConfig":{"aliases":{"blue":["db","a b","../x","db_2","db-3.blue","192.0.2.1","x."],"green":["no"]}})")
          .names,
      ElementsAre("db", "db-3.blue"));
}

TEST(CniConfiguration, TakesTheRuntimesDnsBeforeItsOwn) {
  constexpr const char* kOwn = R"("dns":{"nameservers":["192.0.2.1"],"domain":"lab","search":["a.lab"],"options":["ndots:2"]})";
  EXPECT_EQ(read(kOwn).dns, (Dns{{"192.0.2.1"}, "lab", {"a.lab"}, {"ndots:2"}}));
  const auto both = read(fmt::format(R"("runtimeConfig":{{"dns":{{"servers":["192.0.2.9"],"searches":["b"]}}}},{})", kOwn));
  EXPECT_EQ(both.dns, (Dns{{"192.0.2.9"}, "", {"b"}, {}}));
}

TEST(CniConfiguration, ReadsAPreviousResultOfEitherShape) {
  const auto old =
      read(R"("prevResult":{"cniVersion":"0.4.0","interfaces":[{"name":"eth0","mac":"02:00:00:00:00:01","sandbox":"/n"}],
      "ips":[{"version":"4","interface":0,"address":"10.9.0.2/24","gateway":"10.9.0.1"}],"routes":[{"dst":"0.0.0.0/0"}],"dns":{}})");
  ASSERT_TRUE(old.previous);
  EXPECT_THAT(old.previous->interfaces, ElementsAre(AddResult::Interface{"eth0", "02:00:00:00:00:01", "/n"}));
  EXPECT_THAT(old.previous->ips, ElementsAre(AddResult::Ip{*parse_address("10.9.0.2/24"), parse_ip("10.9.0.1"), 0}));
  EXPECT_THAT(old.previous->routes, ElementsAre(AddResult::Route{*parse_address("0.0.0.0/0"), std::nullopt}));
}

TEST(CniConfiguration, ReadsTheValidAttachmentsUnderEitherName) {
  for (const char* const key : {"cni.dev/valid-attachments", "cni.dev/attachments"}) {
    const auto valid = read(fmt::format(R"("{}":[{{"containerID":"a","ifname":"eth0"}}])", key)).valid_attachments;
    ASSERT_TRUE(valid) << key;
    EXPECT_THAT(*valid, ElementsAre(Attachment{"a", "eth0"}));
  }
  EXPECT_FALSE(read("").valid_attachments) << "none said is not none valid";
  EXPECT_EQ(read(R"("cni.dev/valid-attachments":[])").valid_attachments->size(), 0U);
}

TEST(CniVersion, OfAnAnswerIsTheConfigurationsWhereThereIsOne) {
  EXPECT_EQ(version_of(with("", "0.4.0")), Version::v0_4_0);
  EXPECT_EQ(version_of(with(R"("mtu":"x")", "0.4.0")), Version::v0_4_0);
  for (const char* const json : {"", "{", R"({"cniVersion":"9.0.0"})", R"({"cniVersion":1})"})
    EXPECT_EQ(version_of(json), kLatest);
}

TEST(CniVersion, KnowsWhatCameWhen) {
  EXPECT_FALSE(knows(Version::v0_3_1, Command::check));
  EXPECT_TRUE(knows(Version::v0_4_0, Command::check));
  EXPECT_FALSE(knows(Version::v1_0_0, Command::gc));
  EXPECT_FALSE(knows(Version::v1_0_0, Command::status));
  EXPECT_TRUE(knows(Version::v1_1_0, Command::status));
  EXPECT_TRUE(knows(Version::v0_3_0, Command::del));
}

TEST(CniIpamAnswer, IsReadOrRefusedAsTheIpamPluginsFault) {
  const auto read = read_result(R"({"cniVersion":"1.0.0","ips":[{"address":"10.9.0.2/24","gateway":"10.9.0.1"}]})");
  ASSERT_TRUE(read);
  EXPECT_THAT(read->ips, ElementsAre(AddResult::Ip{*parse_address("10.9.0.2/24"), parse_ip("10.9.0.1"), std::nullopt}));
  for (const char* const json : {"", "x", R"({"ips":[{"address":"x"}]})", R"({"ips":7})"}) {
    EXPECT_EQ(read_result(json).error().code, static_cast<unsigned>(Code::ipam)) << json;
  }
}

TEST(CniIpamAnswer, MayBeARefusal) {
  EXPECT_EQ(read_refusal(R"({"cniVersion":"1.0.0","code":11,"msg":"later","details":"busy"})"), (Refusal{11, "later", "busy"}));
  for (const char* const json : {"", "{}", R"({"code":"x"})", R"({"code":-1})", R"({"code":0})"})
    EXPECT_EQ(read_refusal(json), std::nullopt) << json;
}

}  // namespace
}  // namespace postern::cni
