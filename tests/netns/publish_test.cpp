// publish_test.cpp - published ports: who reaches them from where, whom they see, and what is said when they cannot be had.
//
//   remote 192.0.2.2 ──┐
//   host 192.0.2.1 ────┼─► host's port ─► postern ─► guest: nginx (TCP), postern-echo (both)
//   host 127.0.0.1 ────┘
#include <fmt/format.h>

#include <cstdlib>

#include "guest_test.h"
#include "lab_files.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view kPage = "hello from inside\n";

class Publish : public GuestTest {
 protected:
  /// nginx inside, with these `listen` lines: / is kPage, /client the client's address, /port the port inside.
  std::optional<Process> serve_http(const Guest& guest, std::string_view listens_on) {
    const std::string folder = fmt::format("{}/inside", kTemporary);
    const std::string configuration = fmt::format(
        R"(user root root; daemon off; master_process off; pid {0}/pid; error_log stderr warn;
events {{ worker_connections 1024; multi_accept on; }}
http {{
  access_log off; client_body_temp_path {0}; proxy_temp_path {0}; fastcgi_temp_path {0}; uwsgi_temp_path {0}; scgi_temp_path {0};
  server {{
    {1}
    location = / {{ return 200 "{2}"; }}
    location = /client {{ return 200 "$remote_addr\n"; }}
    location = /port {{ return 200 "$server_port\n"; }}
  }}
}}
)",
        folder, listens_on, kPage);
    EXPECT_THAT(sh("mkdir -p " + folder), Succeeds());
    EXPECT_TRUE(write_file(host().path(folder + "/nginx.conf"), configuration));
    return serve(guest, {"nginx", "-p", folder, "-c", "nginx.conf", "-e", "stderr"});
  }

  static std::string curl(const Machine& from, std::string_view url) {
    const Outcome outcome = from.run({"curl", "-sS", "--max-time", "10", std::string(url)});
    return outcome.out + outcome.err;
  }
};

TEST_F(Publish, ReachesAServerInsideFromEverywhereAndShowsTheClientsAddress) {
  const auto inside = guest({.options = {"-p", "8080:80"}});
  ASSERT_TRUE(inside);
  const auto web = serve_http(*inside, "listen 80;");  // IPv4 alone
  ASSERT_TRUE(web);
  EXPECT_EQ(curl(host(), "http://127.0.0.1:8080/"), kPage);
  EXPECT_EQ(curl(host(), "http://localhost:8080/"), kPage);  // ::1 first, where nobody listens
  EXPECT_EQ(curl(host(), "http://192.0.2.1:8080/client"), "192.0.2.1\n");
  EXPECT_EQ(curl(remote(), "http://192.0.2.1:8080/client"), "192.0.2.2\n");
  const bool libslirp = std::getenv("LAB_ENGINE") != nullptr;
  EXPECT_EQ(curl(host(), "http://127.0.0.1:8080/client"), libslirp ? "10.0.2.2\n" : "10.0.2.100\n");
}

TEST_F(Publish, ReachesAnIpv6ServerWhereAnIpv6AddressIsNamed) {
  const auto inside = guest({.options = {"--ipv6", "-p", "[::]:8080:80", "-p", "[::1]:8081:80"}});
  ASSERT_TRUE(inside);
  const auto web = serve_http(*inside, "listen [::]:80;");
  ASSERT_TRUE(web);
  EXPECT_EQ(curl(host(), "http://[::1]:8080/"), kPage);
  EXPECT_EQ(curl(host(), "http://[::1]:8081/"), kPage);
  EXPECT_EQ(curl(remote(), "http://[2001:db8:1::1]:8080/client"), "2001:db8:1::2\n");
  EXPECT_EQ(remote().run({"postern-probe", "2001:db8:1::1", "8081", "open"}).out, "open 0 ECONNREFUSED\n");
  EXPECT_EQ(host().run({"postern-probe", "127.0.0.1", "8080", "open"}).out, "open 0 ECONNREFUSED\n");  // IPv4 was not asked for
}

TEST_F(Publish, ListensOnTheNamedAddressAlone) {
  const auto inside = guest({.options = {"-p", "127.0.0.1:8080:80"}});
  ASSERT_TRUE(inside);
  const auto web = serve_http(*inside, "listen 80;");
  ASSERT_TRUE(web);
  EXPECT_EQ(curl(host(), "http://127.0.0.1:8080/"), kPage);
  EXPECT_EQ(remote().run({"postern-probe", "192.0.2.1", "8080", "open"}).out, "open 0 ECONNREFUSED\n");
}

TEST_F(Publish, TakesRangesAndSeveralPorts) {
  const auto inside = guest({.options = {"-p", "9000-9009:9000", "-p", "9100-9101:9005-9006", "-p", "8080:9009/tcp"}});
  ASSERT_TRUE(inside);
  std::string listens_on;
  for (int port = 9000; port < 9010; ++port) listens_on += fmt::format("listen {};", port);
  const auto web = serve_http(*inside, listens_on);
  ASSERT_TRUE(web);
  EXPECT_EQ(curl(host(), "http://127.0.0.1:[9000-9009]/port"), "9000\n9001\n9002\n9003\n9004\n9005\n9006\n9007\n9008\n9009\n");
  EXPECT_EQ(curl(remote(), "http://192.0.2.1:[9100-9101]/port"), "9005\n9006\n");
  EXPECT_EQ(curl(host(), "http://127.0.0.1:8080/port"), "9009\n");
}

TEST_F(Publish, AnswersUdpClientsOfTheHostsAddress) {
  const auto inside = guest({.options = {"--ipv6", "-p", "5000:7/udp", "-p", "[::]:5000:7/udp"}});
  ASSERT_TRUE(inside);
  const auto echo = serve(*inside, {"postern-echo", "7"});
  ASSERT_TRUE(echo);
  for (const Machine& from : {host(), remote()}) {
    EXPECT_EQ(from.run({"postern-probe", "--udp", "192.0.2.1", "5000", "open=3", "echo=1000"}).out, "open 3\necho 3\n");
    EXPECT_EQ(from.run({"postern-probe", "--udp", "2001:db8:1::1", "5000", "open=3", "echo=1000"}).out, "open 3\necho 3\n");
  }
}

/// A probe's socket is connected: it hears nothing that comes from another address.
TEST_F(Publish, AnswersUdpClientsFromTheAddressThatTheyAsked) {
  if (std::getenv("LAB_ENGINE") != nullptr) return;  // libslirp lets routing choose
  const auto inside = guest({.options = {"--ipv6", "-p", "5000:7/udp", "-p", "[::]:5000:7/udp"}});
  ASSERT_TRUE(inside);
  const auto echo = serve(*inside, {"postern-echo", "7"});
  ASSERT_TRUE(echo);
  ASSERT_THAT(host().sh("ip addr add 192.0.2.77/32 dev lo; ip addr add 2001:db8:1::77/128 dev lo"), Succeeds());
  const auto is_reached = [this] { return !host().sh("ip -6 route show table local 2001:db8:1::77").out.empty(); };
  ASSERT_TRUE(wait_until(is_reached)) << "an IPv6 address is there before its route";
  for (const char* address : {"192.0.2.77", "2001:db8:1::77"}) {
    ASSERT_THAT(remote().sh(fmt::format("ip route add {} via {}", address, address[0] == '1' ? "192.0.2.1" : "2001:db8:1::1")),
                Succeeds());
    EXPECT_EQ(remote().run({"postern-probe", "--udp", address, "5000", "open=3", "echo=1000"}).out, "open 3\necho 3\n")
        << address;
  }
}

TEST_F(Publish, AnswersUdpClientsOfTheLoopbackThoughItIsClosed) {
  if (std::getenv("LAB_ENGINE") != nullptr) return;  // the next test is about libslirp
  const auto inside = guest({.options = {"-p", "5000:7/udp"}});
  ASSERT_TRUE(inside);
  EXPECT_THAT(inside->postern().err(), IsEmpty());
  const auto echo = serve(*inside, {"postern-echo", "7"});
  ASSERT_TRUE(echo);
  EXPECT_EQ(host().run({"postern-probe", "--udp", "127.0.0.1", "5000", "open", "echo"}).out, "open 1\necho 1\n");
}

TEST_F(Publish, ByLibslirpUdpDoesNotAnswerTheLoopbackUnlessItIsOpen) {
  constexpr const char* kLimit = "published UDP ports do not answer clients on the host's own loopback";
  EXPECT_THAT(sh("postern run --engine libslirp -p 5000:7/udp -- true").err, HasSubstr(kLimit));
  EXPECT_THAT(sh("postern run --engine libslirp -p 5000:7 -- true").err, IsEmpty());
  const auto inside = guest({.options = {"--engine", "libslirp", "--allow-host-loopback", "-p", "5000:7/udp"}});
  ASSERT_TRUE(inside);
  EXPECT_THAT(inside->postern().err(), Not(HasSubstr(kLimit)));
  const auto echo = serve(*inside, {"postern-echo", "7"});
  ASSERT_TRUE(echo);
  EXPECT_EQ(host().run({"postern-probe", "--udp", "127.0.0.1", "5000", "open", "echo"}).out, "open 1\necho 1\n");
}

TEST_F(Publish, ServesABurstOf200Connections) {
  const auto inside = guest({.options = {"-p", "5000:7"}});
  ASSERT_TRUE(inside);
  const auto echo = serve(*inside, {"postern-echo", "7"});
  ASSERT_TRUE(echo);
  const Command burst = {.argv = {"postern-probe", "--limit-ms", "15000", "192.0.2.1", "5000", "open=200", "echo=1000"}};
  EXPECT_EQ(remote().run(burst).out, "open 200\necho 200\n");
}

// ---- all or nothing

TEST_F(Publish, BindsNothingWhenOnePortOfARangeIsTaken) {
  Process holder = start_sh("exec postern-echo 9005");
  ASSERT_TRUE(wait_until([&] { return listens(host(), holder.pid(), "tcp6", 9005); })) << holder.err();
  const Outcome outcome = sh("postern run -p 8080:80 -p 9000-9009:9000 -- sh -c 'echo started'");
  EXPECT_THAT(outcome, EndsWithStatus(125));
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, IsOneLine());
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("9005/tcp"), HasSubstr(fmt::format("postern-echo (PID {}) has it", holder.pid()))));
}

TEST_F(Publish, NamesThePortAndItsUserWhereTheProgramCannotBeKnown) {
  Process holder = *host().spawn({.argv = {"postern-echo", "9005"}});  // root's; an ordinary user may not look into it
  ASSERT_TRUE(wait_until([&] { return listens(host(), holder.pid(), "udp6", 9005); })) << holder.err();
  const Outcome outcome = sh("postern run -p 9005:9005/udp -- true");
  EXPECT_THAT(outcome, EndsWithStatus(125));
  EXPECT_THAT(outcome.err, AllOf(IsOneLine(), HasSubstr("9005/udp"), HasSubstr("has it")));
}

TEST_F(Publish, RefusesToPublishOnePortTwice) {
  const Outcome outcome = sh("postern run -p 8080:80 -p 8080:81 -- true");
  EXPECT_THAT(outcome, EndsWithStatus(125));
  EXPECT_THAT(outcome.err, AllOf(IsOneLine(), HasSubstr("8080/tcp")));
}

TEST_F(Publish, TellsHowToPublishAPortBelowTheUnprivilegedOnes) {
  const Outcome outcome = sh("postern run -p 80:80 -- true");
  EXPECT_THAT(outcome, EndsWithStatus(125));
  EXPECT_THAT(outcome.err, AllOf(IsOneLine(), HasSubstr("80/tcp"), HasSubstr("below 1024"),
                                 HasSubstr("net.ipv4.ip_unprivileged_port_start=80")));
  ASSERT_THAT(host().sh("sysctl -qw net.ipv4.ip_unprivileged_port_start=80"), Succeeds());
  EXPECT_THAT(sh("postern run -p 80:80 -- true"), Succeeds());
}

TEST_F(Publish, RefusesAnAddressTheHostDoesNotHave) {
  const Outcome outcome = sh("postern run -p 203.0.113.9:8080:80 -- true");
  EXPECT_THAT(outcome, EndsWithStatus(125));
  EXPECT_THAT(outcome.err, AllOf(IsOneLine(), HasSubstr("203.0.113.9"), HasSubstr("no such address")));
}

TEST_F(Publish, RefusesIpv6WhereTheNamespaceHasNone) {
  const Outcome outcome = sh("postern run --no-ipv6 -p [::]:8080:80 -- true");
  EXPECT_THAT(outcome, EndsWithStatus(125));
  EXPECT_THAT(outcome.err, AllOf(IsOneLine(), HasSubstr("--ipv6")));
}

}  // namespace
}  // namespace postern::lab
