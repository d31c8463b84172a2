#include "arguments.h"

#include <gtest/gtest.h>

#include <array>

namespace postern::cni {
namespace {

Environment full(std::string_view command) {
  return {{"CNI_COMMAND", std::string(command)},
          {"CNI_CONTAINERID", "web-1"},
          {"CNI_NETNS", "/run/netns/web"},
          {"CNI_IFNAME", "eth0"}};
}

Environment with(Environment environment, const std::string& key, const std::string& value) {
  environment[key] = value;
  return environment;
}

unsigned code_of(const Environment& environment) {
  const auto read = read_arguments(environment);
  return read ? 0 : read.error().code;
}

constexpr unsigned kBad = static_cast<unsigned>(Code::bad_environment);

TEST(CniArguments, AreReadFromTheEnvironment) {
  const std::array<const char*, 4> lines = {"CNI_COMMAND=ADD", "CNI_ARGS=A=B=C", "EMPTY=", nullptr};
  const Environment environment = read_environment(lines.data());
  EXPECT_EQ(environment.at("CNI_COMMAND"), "ADD");
  EXPECT_EQ(environment.at("CNI_ARGS"), "A=B=C");
  EXPECT_EQ(environment.at("EMPTY"), "");
}

TEST(CniArguments, SayWhichCommandForWhom) {
  const auto read = read_arguments(with(full("CHECK"), "CNI_PATH", "/opt/cni/bin:/usr/lib/cni"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->command, Command::check);
  EXPECT_EQ(read->container_id, "web-1");
  EXPECT_EQ(read->netns, "/run/netns/web");
  EXPECT_EQ(read->interface, "eth0");
  EXPECT_EQ(read->path, "/opt/cni/bin:/usr/lib/cni");
}

TEST(CniArguments, WantACommandThatIsKnown) {
  EXPECT_EQ(code_of({}), kBad);
  EXPECT_EQ(code_of(full("UPDATE")), kBad);
  EXPECT_EQ(code_of(full("add")), kBad);
}

TEST(CniArguments, WantAContainerWhereTheCommandDoes) {
  for (const char* const key : {"CNI_CONTAINERID", "CNI_IFNAME"}) {
    for (const char* const command : {"ADD", "DEL", "CHECK"})
      EXPECT_EQ(code_of(with(full(command), key, "")), kBad) << command << key;
  }
  for (const char* const command : {"VERSION", "GC", "STATUS"}) EXPECT_EQ(code_of({{"CNI_COMMAND", command}}), 0U) << command;
}

TEST(CniArguments, NameNoNamespaceOnlyWhereItMayBeGone) {
  EXPECT_EQ(code_of(with(full("DEL"), "CNI_NETNS", "")), 0U);
  EXPECT_EQ(code_of(with(full("ADD"), "CNI_NETNS", "")), kBad);
  EXPECT_EQ(code_of(with(full("CHECK"), "CNI_NETNS", "")), kBad);
}

TEST(CniArguments, WantAnIdThatIsNoPathAndNoOption) {
  for (const char* const id : {"-x", "..", "a/b", "a b", "a\n", "\xff"}) {
    EXPECT_EQ(code_of(with(full("ADD"), "CNI_CONTAINERID", id)), kBad) << id;
  }
  EXPECT_EQ(code_of(with(full("ADD"), "CNI_CONTAINERID", std::string(128, 'a'))), 0U);
  EXPECT_EQ(code_of(with(full("ADD"), "CNI_CONTAINERID", std::string(129, 'a'))), kBad);
}

TEST(CniArguments, WantAnInterfaceNameThatLinuxTakes) {
  for (const char* const name : {".", "..", "a/b", "a:b", "a b", "sixteenletters16"}) {
    EXPECT_EQ(code_of(with(full("ADD"), "CNI_IFNAME", name)), kBad) << name;
  }
  EXPECT_EQ(code_of(with(full("ADD"), "CNI_IFNAME", "fifteenletters5")), 0U);
}

TEST(CniArguments, MayAskForAnAddressAndAMac) {
  const auto read =
      read_arguments(with(full("ADD"), "CNI_ARGS", "IgnoreUnknown=1;IP=10.88.0.7;MAC=02:42:0a:58:00:07;K8S_POD_NAME=web"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->address, parse_ip("10.88.0.7"));
  EXPECT_EQ(read->mac->to_string(), "02:42:0a:58:00:07");
  EXPECT_EQ(read->pod_name, "web");
}

TEST(CniArguments, AreRefusedWhereTheirValueIsNone) {
  EXPECT_EQ(code_of(with(full("ADD"), "CNI_ARGS", "IP=10.88.0")), kBad);
  EXPECT_EQ(code_of(with(full("ADD"), "CNI_ARGS", "MAC=no")), kBad);
  EXPECT_EQ(code_of(with(full("DEL"), "CNI_ARGS", "MAC=no")), 0U) << "what is there is taken away all the same";
}

TEST(CniMac, IsSixOctetsOfOneStation) {
  EXPECT_TRUE(parse_mac("02:42:0A:58:00:07"));
  for (const char* const text : {"", "02:42:0a:58:00", "02:42:0a:58:00:07:08", "02:42:0a:58:00:7", "02:42:0a:58:00:0g",
                                 "01:00:5e:00:00:01", "00:00:00:00:00:00", "02-42-0a-58-00-07", "02:42:0a:58:00:07 "}) {
    EXPECT_FALSE(parse_mac(text)) << text;
  }
}

}  // namespace
}  // namespace postern::cni
