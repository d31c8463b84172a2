// traffic_test.cpp - real clients inside a namespace of `postern run`, real servers on the lab's remote.
//
//   guest: curl, dig, ping, nc, iperf3, udhcpc ─► postern ─► host 192.0.2.1 ─► remote 192.0.2.2: nginx, dnsmasq, echo, iperf3
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lab_files.h"
#include "postern_test.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Traffic : public PosternTest {
 protected:
  std::vector<Server> servers() const override { return {Server::http, Server::dns, Server::echo}; }

  /// In a guest of its own.
  Outcome inside(std::string_view script, std::string_view options = "") const {
    return sh(fmt::format("exec postern run {} -- sh -c '{}'", options, script));
  }
};

TEST_F(Traffic, FetchesPagesOverBothFamilies) {
  for (const char* url : {"http://$LAB_REMOTE4/", "http://$LAB_FAR4/", "http://[$LAB_REMOTE6]/", "http://[$LAB_FAR6]/",
                          "http://$LAB_DNS_NAME/", "http://$LAB_DNS_NAME6/"}) {
    EXPECT_EQ(inside(fmt::format("curl -sS {}", url)).out, kPageText) << url;
  }
}

TEST_F(Traffic, ShowsTheHostsAddressToTheRemote) {
  EXPECT_EQ(inside("curl -sS http://$LAB_REMOTE4/client http://[$LAB_REMOTE6]/client").out,
            fmt::format("{}\n{}\n", kHost4, kHost6));
}

TEST_F(Traffic, CarriesManyConnectionsAtOnce) {
  EXPECT_EQ(inside("postern-probe $LAB_REMOTE4 7 open=100 echo=10000 close=50 echo").out,
            "open 100\necho 100\nclose 50\necho 50\n");
  EXPECT_EQ(inside("postern-probe $LAB_REMOTE6 7 open=100 echo=10000").out, "open 100\necho 100\n");
}

TEST_F(Traffic, FlowsWithoutTheOffloadsOfTheTap) {
  for (const char* missing : {"tso", "csum", "vnet"}) {
    const Outcome outcome =
        sh(fmt::format("POSTERN_PRETEND_MISSING={} postern run -- sh -c 'for to in $LAB_REMOTE4 $LAB_REMOTE6; do postern-probe "
                       "$to 7 open echo=300000; "
                       "done; curl -sS http://$LAB_REMOTE4/'",
                       missing));
    EXPECT_EQ(outcome.out, fmt::format("open 1\necho 1\nopen 1\necho 1\n{}", kPageText)) << missing << ": " << outcome.err;
  }
}

TEST_F(Traffic, ClosesOneHalfOfAConnection) {  // the echo comes after our end has been said
  EXPECT_EQ(inside("echo hello | nc -N $LAB_REMOTE4 7").out, "hello\n");
  EXPECT_EQ(inside("echo hello | nc -N $LAB_REMOTE6 7").out, "hello\n");
}

// ---- what does not work says so as soon as it is known

TEST_F(Traffic, ARefusedConnectionIsRefused) {
  for (const char* at : {"$LAB_REMOTE4", "$LAB_REMOTE6", "$LAB_FAR4", "$LAB_HOST4"}) {
    EXPECT_EQ(inside(fmt::format("postern-probe {} 99 open=3", at)).out, "open 0 ECONNREFUSED\n") << at;
  }
}

TEST_F(Traffic, AClosedDatagramPortIsReported) {
  EXPECT_EQ(inside("postern-probe --udp $LAB_REMOTE4 99 open echo").out, "open 1\necho 0 ECONNREFUSED\n");
}

TEST_F(Traffic, WhatTheHostHasNoRouteToIsUnreachableAtOnce) {
  ASSERT_THAT(host().sh("ip route del default && ip -6 route del default"), Succeeds());
  for (const char* at : {"203.0.113.1", "2001:db8:9::1"}) {
    const auto probe = [&](const char* how) {
      return inside(fmt::format("postern-probe --limit-ms 900 {} {} 80 open echo", how, at), "--ipv6").out;
    };
    EXPECT_EQ(probe(""), "open 0 ENETUNREACH\necho 0\n") << at;  // sooner than a SYN is sent again
    EXPECT_EQ(probe("--udp"), "open 1\necho 0 ENETUNREACH\n") << at;
  }
}

TEST_F(Traffic, ASynIsAnsweredOnlyOnceTheHostHasConnected) {
  EXPECT_EQ(inside("postern-probe --limit-ms 300 $LAB_SILENT4 80 open").out, "open 0 ETIMEDOUT\n");
  EXPECT_EQ(inside("postern-probe --limit-ms 300 $LAB_SILENT6 80 open").out, "open 0 ETIMEDOUT\n");
}

// ---- the other protocols

TEST_F(Traffic, Pings) {
  LAB_SKIP_UNLESS(host().sh("ping -c1 -W5 $LAB_REMOTE4", role()).ok(), "ping sockets", "net.ipv4.ping_group_range");
  EXPECT_THAT(inside("ping -c3 -i0.1 -W5 $LAB_REMOTE4").out, HasSubstr("3 received, 0% packet loss"));
  EXPECT_THAT(inside("ping -c1 -W5 -s 8000 $LAB_FAR4", "--mtu 1500").out, HasSubstr("8008 bytes from"));
  EXPECT_THAT(inside("ping -c1 -W5 10.0.2.2 && ping -c1 -W5 10.0.2.3 && ping -c1 -W5 fd00::2"), Succeeds());
}

TEST_F(Traffic, TheGatewayIsTheFirstHop) {
  EXPECT_THAT(inside("ping -c1 -W5 -t1 $LAB_REMOTE4").out, HasSubstr("From 10.0.2.2 icmp_seq=1 Time to live exceeded"));
  EXPECT_THAT(inside("ping -c1 -W5 -t1 $LAB_REMOTE6").out, HasSubstr("From fd00::2 icmp_seq=1 Time exceeded: Hop limit"));
}

TEST_F(Traffic, EchoesDatagramsOfEverySize) {
  for (const char* options : {"--mtu 1500", ""}) {
    for (const size_t bytes : std::initializer_list<size_t>{1, 1472, 1473, 8192, 60000}) {
      EXPECT_EQ(inside(fmt::format("postern-probe --udp $LAB_REMOTE4 7 open=2 echo={}", bytes), options).out, "open 2\necho 2\n")
          << bytes << " bytes, " << options;
    }
  }
  EXPECT_EQ(inside("postern-probe --udp $LAB_REMOTE6 7 open=3 echo=1400", "--mtu 1500").out, "open 3\necho 3\n");
}

TEST_F(Traffic, ResolvesNamesOverUdpAndTcp) {
  EXPECT_EQ(inside("dig +short @10.0.2.3 $LAB_DNS_NAME A").out, fmt::format("{}\n", kRemote4));
  EXPECT_EQ(inside("dig +short +tcp @10.0.2.3 $LAB_DNS_NAME AAAA").out, fmt::format("{}\n", kRemote6));
  EXPECT_EQ(inside("dig +short @$LAB_REMOTE4 $LAB_DNS_NAME A; dig +short +tcp @$LAB_REMOTE6 $LAB_DNS_NAME A").out,
            fmt::format("{0}\n{0}\n", kRemote4));
  EXPECT_THAT(inside("dig +ignore $LAB_DNS_LARGE_NAME TXT").out, HasSubstr("flags: qr aa tc"));
  EXPECT_THAT(inside("dig $LAB_DNS_LARGE_NAME TXT", "--mtu 1500").out, AllOf(HasSubstr("(TCP)"), HasSubstr("ANSWER: 16")));
}

TEST_F(Traffic, ResolvesNamesOverIpv6WhereTheHostDoes) {
  ASSERT_THAT(host().sh("echo nameserver $LAB_REMOTE6 >> /etc/resolv.conf"), Succeeds());
  EXPECT_EQ(inside("dig +short @fd00::3 $LAB_DNS_NAME A; dig +short +tcp @fd00::3 $LAB_DNS_NAME AAAA").out,
            fmt::format("{}\n{}\n", kRemote4, kRemote6));
}

TEST_F(Traffic, GivesALeaseByDhcp) {
  LAB_SKIP_UNLESS(host().sh("command -v udhcpc").ok(), "udhcpc", "apt-get install udhcpc");
  const std::string script = fmt::format("{}/lease.sh", kTemporary);
  ASSERT_TRUE(write_file(host().path(script), "#!/bin/sh\n[ $1 = bound ] && echo $ip/$mask $router $dns; exit 0\n"));
  ASSERT_THAT(host().sh("chmod +x " + script), Succeeds());
  const Outcome lease = inside("ip -4 address flush dev tap0 && udhcpc -i tap0 -f -q -n -t 5 -T 1 -s " + script);
  EXPECT_EQ(lease.out, "10.0.2.15/24 10.0.2.2 10.0.2.3\n") << lease.err;
}

// ---- much of it

struct Path {
  const char* name;
  const char* options;
};
void PrintTo(const Path& path, std::ostream* os) { *os << path.name; }  // or a test's name would hold the bytes of our pointers

class Transfer : public Traffic, public testing::WithParamInterface<Path> {
 protected:
  static constexpr uint64_t kBytes = 50'000'000;

  std::string checksum(std::string_view file) { return host().sh(fmt::format("sha256sum < {}/{}", kWww, file)).out; }
};

TEST_P(Transfer, ArrivesWholeInBothDirections) {
  ASSERT_TRUE(make_web_file(remote(), "fifty", kBytes));
  ASSERT_THAT(host().sh("chmod 755 $LAB_WWW"), Succeeds());
  const Outcome down = inside("curl -sS http://$LAB_REMOTE4/fifty | sha256sum", GetParam().options);
  EXPECT_EQ(down.out, checksum("fifty")) << down.err;
  EXPECT_THAT(inside("curl -sSf -T $LAB_WWW/fifty http://[$LAB_REMOTE6]/upload/back", GetParam().options), Succeeds());
  EXPECT_EQ(checksum("upload/back"), checksum("fifty"));
}

INSTANTIATE_TEST_SUITE_P(With, Transfer,
                         testing::Values(Path{"Mtu1500", "--mtu 1500"}, Path{"DefaultMtu", ""}, Path{"Mtu65520", "--mtu 65520"}),
                         [](const testing::TestParamInfo<Path>& path) { return path.param.name; });

class Streams : public Traffic {
 protected:
  std::vector<Server> servers() const override { return {Server::iperf3}; }

  /// iperf3's own account of a run of a second.
  nlohmann::json iperf3(std::string_view options) {
    const Outcome run = inside(fmt::format("iperf3 --client $LAB_REMOTE4 --time 1 --json {}", options));
    EXPECT_THAT(run, Succeeds());
    return nlohmann::json::parse(run.out, nullptr, false);
  }
  static constexpr uint64_t kProgress = 1 << 20;  // far below what any machine does in a second
};

TEST_F(Streams, FlowUpAndDown) {
  EXPECT_GT(iperf3("")["end"]["sum_received"]["bytes"], kProgress);
  EXPECT_GT(iperf3("--reverse --parallel 4")["end"]["sum_received"]["bytes"], kProgress);
  EXPECT_GT(iperf3("--udp --bitrate 20M --length 1400")["end"]["sum"]["bytes"], kProgress);
}

TEST_F(Streams, FlowInBothDirectionsAtOnce) {
  const nlohmann::json both = iperf3("--bidir")["end"];
  EXPECT_GT(both["sum_received"]["bytes"], kProgress);
  EXPECT_GT(both["sum_received_bidir_reverse"]["bytes"], kProgress);
}

}  // namespace
}  // namespace postern::lab
