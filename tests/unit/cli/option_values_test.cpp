#include "option_values.h"

#include <gtest/gtest.h>

namespace postern::cli {
namespace {

TypedRun run_of(std::string command) {
  TypedRun typed;
  typed.command = {std::move(command)};
  return typed;
}

TypedAttach attach_to(std::string target) {
  TypedAttach typed;
  typed.target = std::move(target);
  typed.tap = "tap0";
  return typed;
}

TEST(OptionValues, NothingTypedLeavesEveryChoiceOpen) {
  const auto run = to_run_options(run_of("true"));
  ASSERT_TRUE(run);
  EXPECT_FALSE(run->network.mtu_bytes);
  EXPECT_FALSE(run->network.cidr);
  EXPECT_EQ(run->network.ipv6, Choice::automatic);
  EXPECT_EQ(run->network.host_loopback, stack::HostLoopback::closed);
  EXPECT_EQ(run->identity, workload::Identity::root);
}

TEST(OptionValues, EachWrongValueIsRefusedInOneLineThatQuotesIt) {
  const std::pair<std::string TypedNetwork::*, std::vector<const char*>> wrong[] = {
      {&TypedNetwork::mtu, {"0", "67", "65522", "-1", "x", "1500x", "99999999999999999999"}},
      {&TypedNetwork::cidr, {"10.0.2.1/24", "10.0.2.0/26", "0.0.0.0/0", "10.0.2.0", "fd00::/64", "x"}},
      {&TypedNetwork::mac, {"02:00:00:00:00", "02:00:00:00:00:0g", "01:00:5e:00:00:01", "02-00-00-00-00-01", "x"}},
      {&TypedNetwork::max_flows, {"0", "-1", "x"}},
      {&TypedNetwork::ready_fd, {"-1", "x", "987654"}},
      {&TypedNetwork::outbound4, {"2001:db8::1"}},
      {&TypedNetwork::outbound6, {"192.0.2.1"}},
      {&TypedNetwork::sandbox, {"off", "none", "Required", "best", "best_effort", "best-effort "}},
  };
  for (const auto& [option, values] : wrong) {
    for (const char* value : values) {
      TypedRun typed = run_of("true");
      typed.network.*option = value;
      const auto run = to_run_options(typed);
      ASSERT_FALSE(run) << value;
      EXPECT_NE(run.error().message().find(value), std::string::npos) << run.error().message();
      EXPECT_EQ(run.error().message().find('\n'), std::string::npos);
    }
  }
}

TEST(OptionValues, TheLimitsThemselvesAreAllowed) {
  for (const char* mtu : {"68", "1280", "65521"}) {
    TypedRun typed = run_of("true");
    typed.network.mtu = mtu;
    EXPECT_TRUE(to_run_options(typed)) << mtu;
  }
  TypedRun typed = run_of("true");
  typed.network.cidr = "10.0.2.0/25";
  EXPECT_TRUE(to_run_options(typed));
}

TEST(OptionValues, Ipv6NeedsItsLeastMtu) {
  TypedRun typed = run_of("true");
  typed.network.ipv6 = true;
  typed.network.mtu = "1279";
  EXPECT_FALSE(to_run_options(typed));
}

TEST(OptionValues, NetworkOptionsWithoutAVirtualNetworkAreRefused) {
  TypedRun typed = run_of("true");
  typed.mode = "host";
  EXPECT_TRUE(to_run_options(typed));
  typed.network.publish = {"8080:80"};
  EXPECT_FALSE(to_run_options(typed));
}

TEST(OptionValues, ABridgeNetworkIsNamedOrIsTheDefaultOne) {
  TypedRun typed = run_of("true");
  typed.mode = "bridge";
  typed.network.publish = {"8080:80"};
  typed.addresses = {"10.209.0.7"};
  typed.host_names = {"web"};
  typed.dns = {"192.0.2.53"};
  auto run = to_run_options(typed);
  ASSERT_TRUE(run) << run.error().message();
  EXPECT_EQ(run->mode, NetworkMode::bridge);
  EXPECT_EQ(run->bridge.network, "postern0");
  EXPECT_EQ(run->bridge.publish, typed.network.publish) << "as typed: no address is another thing than 0.0.0.0";
  EXPECT_EQ(run->bridge.addresses, typed.addresses);
  EXPECT_EQ(run->bridge.host_names, typed.host_names);
  typed.mode = "bridge:blue";
  EXPECT_EQ(to_run_options(typed)->bridge.network, "blue");
  for (const char* wrong : {"bridge:", "bridge:1234567890123456", "bridges"}) {
    typed.mode = wrong;
    EXPECT_FALSE(to_run_options(typed)) << wrong;
  }
}

TEST(OptionValues, WhatShapesSlirpsNetworkIsRefusedForABridge) {
  const std::pair<std::string TypedNetwork::*, const char*> values[] = {
      {&TypedNetwork::cidr, "10.0.3.0/24"}, {&TypedNetwork::engine, "fast"},   {&TypedNetwork::mtu, "1500"},
      {&TypedNetwork::max_flows, "10"},     {&TypedNetwork::api_socket, "/s"}, {&TypedNetwork::publish_source, "loopback"},
      {&TypedNetwork::pcap, "x.pcap"},
  };
  for (const auto& [option, value] : values) {
    TypedRun typed = run_of("true");
    typed.mode = "bridge";
    typed.network.*option = value;
    EXPECT_FALSE(to_run_options(typed)) << value;
  }
  TypedRun typed = run_of("true");
  typed.mode = "bridge";
  typed.network.no_ipv6 = true;
  ASSERT_FALSE(to_run_options(typed));
  EXPECT_TRUE(to_run_options(typed).error().message().starts_with("--network bridge: --no-ipv6 acts on slirp's network only"));
}

TEST(OptionValues, WhatIsForABridgeIsRefusedElsewhere) {
  TypedRun typed = run_of("true");
  typed.addresses = {"10.0.2.7"};
  EXPECT_EQ(to_run_options(typed).error().message(), "--ip is for --network bridge");
  typed = run_of("true");
  typed.mode = "host";
  typed.host_names = {"web"};
  EXPECT_EQ(to_run_options(typed).error().message(), "--hostname is for --network bridge");
}

TEST(OptionValues, ClientsOnTheLoopbackAreShownAsItIsAskedFor) {
  const std::pair<const char*, std::optional<PublishSource>> sources[] = {{"", std::nullopt},
                                                                          {"namespace", PublishSource::namespace_address},
                                                                          {"loopback", PublishSource::loopback},
                                                                          {"gateway", PublishSource::gateway}};
  for (const auto& [text, source] : sources) {
    TypedRun typed = run_of("true");
    typed.network.publish_source = text;
    EXPECT_EQ(to_run_options(typed)->network.publish_source, source) << text;
    typed.network.engine = "libslirp";
    EXPECT_EQ(to_run_options(typed).has_value(), *text == '\0' || source == PublishSource::gateway) << text;
  }
  TypedRun typed = run_of("true");
  typed.network.publish_source = "client";
  EXPECT_FALSE(to_run_options(typed));
}

TEST(OptionValues, AReachedPortHasItsOwnNumberInsideUnlessAnotherIsNamed) {
  TypedRun typed = run_of("true");
  typed.network.reach = {"5432", "80:8080"};
  const auto options = to_run_options(typed);
  ASSERT_TRUE(options);
  const std::vector<stack::Reach> wanted = {{{5432}, {5432}}, {{80}, {8080}}};
  EXPECT_EQ(options->network.reach, wanted);
  for (const char* wrong : {"", "0", "65536", "80:", ":80", "80:0", "80:81:82", "x", "80/udp"}) {
    typed.network.reach = {wrong};
    EXPECT_FALSE(to_run_options(typed)) << wrong;
  }
  typed.network.reach = {"80", "81:80"};
  EXPECT_FALSE(to_run_options(typed)) << "two ports in one place";
  typed.network.reach = {"80"};
  typed.network.engine = "libslirp";
  EXPECT_FALSE(to_run_options(typed));
}

TEST(OptionValues, ALoopbackNameserverCannotBeMeant) {
  for (const char* dns : {"127.0.0.53", "::1", "x"}) {
    TypedRun typed = run_of("true");
    typed.dns = {dns};
    EXPECT_FALSE(to_run_options(typed)) << dns;
  }
}

TEST(OptionValues, ChosenNameserversAreAskedForTheNamespace) {
  TypedRun run = run_of("true");
  run.dns = {"192.0.2.53", "2001:db8::53"};
  const std::vector<IpAddress> servers = {*parse_ip("192.0.2.53"), *parse_ip("2001:db8::53")};
  EXPECT_EQ(to_run_options(run)->network.name_servers, servers);
  TypedAttach attach = attach_to("4711");
  attach.dns = {"127.0.0.53"};  // the host's own, for nothing is written inside
  EXPECT_EQ(to_attach_options(attach)->network.name_servers, std::vector{*parse_ip("127.0.0.53")});
  attach.dns = {"x"};
  EXPECT_FALSE(to_attach_options(attach));
}

TEST(OptionValues, LibslirpCannotBeToldWhomToAsk) {
  TypedAttach attach = attach_to("4711");
  attach.dns = {"192.0.2.53"};
  attach.network.engine = "libslirp";
  EXPECT_FALSE(to_attach_options(attach));
}

TEST(OptionValues, TheSandboxIsRequiredUnlessLessIsAskedFor) {
  const std::pair<const char*, SandboxMode> modes[] = {
      {"", SandboxMode::required}, {"required", SandboxMode::required}, {"best-effort", SandboxMode::best_effort}};
  for (const auto& [typed, mode] : modes) {
    TypedRun run = run_of("true");
    run.network.sandbox = typed;
    EXPECT_EQ(to_run_options(run)->network.sandbox, mode) << typed;
    TypedAttach attach = attach_to("4711");
    attach.network.sandbox = typed;
    EXPECT_EQ(to_attach_options(attach)->network.sandbox, mode) << typed;
  }
  TypedRun run = run_of("true");
  run.network.no_sandbox = true;
  EXPECT_EQ(to_run_options(run)->network.sandbox, SandboxMode::off);
}

TEST(OptionValues, ACommandIsNeeded) { EXPECT_FALSE(to_run_options(TypedRun{})); }

TEST(OptionValues, DigitsAreAProcessAndAllElseIsAPath) {
  TypedAttach typed = attach_to("4711");
  EXPECT_EQ(to_attach_options(typed)->target, relay::Target(pid_t{4711}));
  typed.target = "/run/netns/web";
  EXPECT_EQ(to_attach_options(typed)->target, relay::Target(std::string("/run/netns/web")));
  typed.target = "0";
  EXPECT_FALSE(to_attach_options(typed));
}

TEST(OptionValues, AnEmptyTargetIsNone) {
  const auto attach = to_attach_options(attach_to(""));
  ASSERT_FALSE(attach);
  EXPECT_EQ(attach.error().message(), "PID|PATH is empty");
}

/// tests/fuzz/corpus/command_line/tap_without_name
TEST(OptionValues, ATapWithoutNameIsNone) {
  TypedAttach typed = attach_to("4711");
  typed.tap = "";
  const auto attach = to_attach_options(typed);
  ASSERT_FALSE(attach);
  EXPECT_EQ(attach.error().message(), "TAP is empty");
}

TEST(OptionValues, TopTakesItsTimeInFractionsOfASecond) {
  const auto options =
      to_top_options({.instance = {.pid = "7", .api_socket = "", .json = true}, .interval = "0.25", .count = "3", .sort = "rtt"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->instance.pid, 7);
  EXPECT_EQ(options->output, Output::json);
  EXPECT_EQ(options->interval, std::chrono::milliseconds(250));
  EXPECT_EQ(options->count, 3u);
  EXPECT_EQ(options->sort, TopOptions::Sort::rtt);
  const auto nothing = to_top_options({});
  ASSERT_TRUE(nothing);
  EXPECT_EQ(nothing->interval, std::chrono::seconds(1));
  EXPECT_FALSE(nothing->count);
  EXPECT_EQ(nothing->sort, TopOptions::Sort::rate);
}

TEST(OptionValues, WhatTopCannotDoIsRefused) {
  for (const char* interval : {"0", "0.01", "-1", "1s", "nan", "inf", "1e3", "0x1", "86401", " 1", "1.", ".5", "1.2345", "1.-5",
                               "1.2.3", "86400.001", "18446744073709551615"}) {
    EXPECT_FALSE(to_top_options({.instance = {}, .interval = interval, .count = "", .sort = ""})) << interval;
  }
  EXPECT_FALSE(to_top_options({.instance = {}, .interval = "", .count = "0", .sort = ""}));
  EXPECT_FALSE(to_top_options({.instance = {}, .interval = "", .count = "", .sort = "name"}));
}

TEST(OptionValues, StatusHasThreeFormats) {
  using Format = StatusOptions::Format;
  EXPECT_EQ(to_status_options({})->format, Format::text);
  EXPECT_EQ(to_status_options({.instance = {.pid = "", .api_socket = "", .json = true}})->format, Format::json);
  EXPECT_EQ(to_status_options({.instance = {}, .prometheus = true})->format, Format::prometheus);
}

}  // namespace
}  // namespace postern::cli
