// netfilter_test.cpp - the netfilter room against the running kernel. nft(8) and conntrack(8) bear witness.
//
//   a network namespace of the test's own, with lo:   client ──UDP, 127.0.0.1 or ::1──► server
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "postern/base/socket_address.h"
#include "postern/base/unique_fd.h"
#include "postern/netfilter/conntrack.h"
#include "postern/netfilter/nftables.h"
#include "postern/netfilter/table_watch.h"

#include "own_namespace.h"
#include "probe.h"

namespace postern::netfilter {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kTable =
    "table inet postern {\n"
    "  map publish4 { type inet_proto . inet_service : ipv4_addr . inet_service; }\n"
    "  chain forward { type filter hook forward priority 0; policy drop; }\n"
    "}\n";

class Netfilter : public testing::Test {
 protected:
  void SetUp() override {
    if (!enter_own_namespaces()) GTEST_SKIP() << "missing: user namespaces";
    run("ip link set lo up");
    nftables.emplace(value(Nftables::open()));
  }

  std::optional<Nftables> nftables;
};

TEST_F(Netfilter, CommitsATransactionAndListsIt) {
  ASSERT_TRUE(ok(nftables->commit(kTable + "add element inet postern publish4 { tcp . 8080 : 10.209.0.2 . 80 }\n")));
  EXPECT_THAT(output_of("nft list ruleset"), AllOf(HasSubstr("policy drop"), HasSubstr("tcp . 8080 : 10.209.0.2 . 80")));
  const std::string table = value(nftables->list_json("table inet postern"));
  EXPECT_THAT(table, AllOf(HasSubstr("\"publish4\""), HasSubstr("10.209.0.2"), HasSubstr("8080")));
  EXPECT_EQ(table, output_of("nft -j list table inet postern"));
  const std::string chains = value(nftables->list_ruleset_json());
  EXPECT_THAT(chains, AllOf(HasSubstr("\"policy\": \"drop\""), HasSubstr("\"hook\": \"forward\""), Not(HasSubstr("10.209.0.2"))));
}

TEST_F(Netfilter, AWatchTellsWhetherItsTableIsThere) {
  auto watch = value(TableWatch::open("postern"));
  EXPECT_TRUE(watch.poll());
  ASSERT_TRUE(ok(nftables->commit(kTable)));
  run("nft 'add table ip theirs; delete table ip theirs'");
  EXPECT_TRUE(watch.poll()) << "another's";
  ASSERT_TRUE(ok(nftables->commit("delete table inet postern\n" + kTable)));
  EXPECT_TRUE(watch.poll()) << "replaced";
  run("nft flush ruleset");
  EXPECT_FALSE(watch.poll());
  EXPECT_FALSE(watch.poll());
  ASSERT_TRUE(ok(nftables->commit(kTable)));
  EXPECT_TRUE(watch.poll());
}

TEST_F(Netfilter, AListingShowsWhatOthersChangedMeanwhile) {
  ASSERT_TRUE(ok(nftables->commit(kTable)));
  ASSERT_THAT(value(nftables->list_json("table inet postern")), Not(HasSubstr("10.209.0.7")));
  run("nft 'add element inet postern publish4 { udp . 53 : 10.209.0.7 . 53 }; add table ip theirs'");
  EXPECT_THAT(value(nftables->list_json("table inet postern")), HasSubstr("10.209.0.7"));
  EXPECT_TRUE(ok(nftables->commit("delete element inet postern publish4 { udp . 53 }\ndelete table ip theirs\n")));
  EXPECT_THAT(output_of("nft list ruleset"), AllOf(Not(HasSubstr("10.209.0.7")), Not(HasSubstr("theirs"))));
}

TEST_F(Netfilter, ATransactionThatFailsHalfWayChangesNothing) {
  ASSERT_TRUE(ok(nftables->commit(kTable + "add element inet postern publish4 { tcp . 80 : 10.209.0.2 . 80 }\n")));
  const std::string before = output_of("nft list ruleset");
  const Status status = nftables->commit(
      "delete chain inet postern forward\n"
      "add element inet postern publish4 { tcp . 81 : 10.209.0.2 . 81 }\n"
      "create element inet postern publish4 { tcp . 80 : 10.209.0.3 . 80 }\n"
      "add table inet another\n");
  EXPECT_TRUE(fails_with(std::errc::file_exists, status));
  EXPECT_EQ(output_of("nft list ruleset"), before);
  EXPECT_TRUE(ok(nftables->commit("add table inet another\n"))) << "and the next one is not hindered";
}

TEST_F(Netfilter, WhatIsThereAndWhatIsNotAreToldApart) {
  ASSERT_TRUE(ok(nftables->commit(kTable + "add element inet postern publish4 { tcp . 80 : 10.209.0.2 . 80 }\n")));
  EXPECT_TRUE(fails_with(std::errc::file_exists, nftables->commit("create table inet postern\n")));
  EXPECT_TRUE(
      fails_with(std::errc::file_exists, nftables->commit("add element inet postern publish4 { tcp . 80 : 10.209.0.3 . 1 }\n")));
  EXPECT_TRUE(ok(nftables->commit("add element inet postern publish4 { tcp . 80 : 10.209.0.2 . 80 }\n"))) << "the same again";
  EXPECT_TRUE(
      fails_with(std::errc::no_such_file_or_directory, nftables->commit("delete element inet postern publish4 { tcp . 1 }\n")));
  EXPECT_TRUE(fails_with(std::errc::no_such_file_or_directory, nftables->commit("delete table inet nowhere\n")));
  EXPECT_TRUE(fails_with(std::errc::no_such_file_or_directory, nftables->commit("add rule inet postern nowhere accept\n")));
  EXPECT_TRUE(fails_with(std::errc::no_such_file_or_directory, nftables->list_json("table inet nowhere")));
}

TEST_F(Netfilter, ATextThatIsNotNftIsQuotedWithoutACode) {
  const Status status = nftables->commit("add elephant\n");
  ASSERT_FALSE(status);
  EXPECT_FALSE(status.error().code);
  EXPECT_THAT(status.error().message(), AllOf(HasSubstr("change nftables: syntax error"), Not(HasSubstr("elephant"))));
}

/// Runs `body` in a child and returns its exit status.
int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(Netfilter, WithoutThePrivilegeBothAreEperm) {
  EXPECT_EQ(in_child([] {
              if (::unshare(CLONE_NEWUSER) < 0) return 1;  // root of another user namespace than that of this network
              const auto opened = Nftables::open();
              const auto forgotten = forget_connections([](const Connection&) { return false; });
              if (opened || !opened.error().is(std::errc::operation_not_permitted)) return 2;
              return !forgotten && forgotten.error().is(std::errc::operation_not_permitted) ? 0 : 3;
            }),
            0);
}

TEST_F(Netfilter, APartThatTheKernelHasNotIsNotSupported) {
  constexpr uint16_t kNobodys = 0x7f << 8;  // a subsystem of nfnetlink that no kernel has
  const Status status = probe(kNobodys, "crystal ball");
  EXPECT_TRUE(fails_with(std::errc::protocol_not_supported, status));
  EXPECT_THAT(status.error().message(), HasSubstr("this kernel has no crystal ball"));
}

/// A rule that asks for the state of connections is what makes the kernel remember them.
constexpr const char* kTracking =
    "table inet t {\n chain tracking { type filter hook output priority 0; ct state new accept; }\n}\n";

UniqueFd udp_server(const IpAddress& address, Port& port) {
  UniqueFd server(::socket(family_of(address), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  SocketAddress own(address, Port{0});
  EXPECT_EQ(::bind(server.get(), own.get(), own.size()), 0);
  EXPECT_EQ(::getsockname(server.get(), own.get(), own.room()), 0);
  port = own.port();
  return server;
}

void send_datagram(const IpAddress& address, Port port) {
  const UniqueFd client(::socket(family_of(address), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const SocketAddress to(address, port);
  ASSERT_EQ(::sendto(client.get(), "x", 1, 0, to.get(), to.size()), 1);
}

TEST_F(Netfilter, ForgetsTheConnectionsAskedForAndNoOthers) {
  ASSERT_TRUE(ok(nftables->commit(kTracking)));
  const IpAddress ipv4 = Ipv4::of(127, 0, 0, 1), ipv6 = *Ipv6::parse("::1");
  Port wanted4, wanted6, other;
  const UniqueFd first = udp_server(ipv4, wanted4), second = udp_server(ipv6, wanted6), third = udp_server(ipv4, other);
  send_datagram(ipv4, wanted4);
  send_datagram(ipv6, wanted6);
  send_datagram(ipv4, other);
  ASSERT_THAT(output_of("conntrack -L -p udp 2>/dev/null"),
              AllOf(HasSubstr("dport=" + std::to_string(wanted4.number)), HasSubstr("dport=" + std::to_string(other.number))));
  size_t seen = 0;
  const auto wanted = [&](const Connection& connection) {
    seen += connection.ip_protocol == IPPROTO_UDP;
    return connection.ip_protocol == IPPROTO_UDP &&
           (connection.original_destination_port == wanted4 || connection.original_destination == ipv6);
  };
  EXPECT_EQ(value(forget_connections(wanted)), 2u);
  EXPECT_EQ(seen, 3u);
  EXPECT_THAT(output_of("conntrack -L -p udp 2>/dev/null"), AllOf(Not(HasSubstr("dport=" + std::to_string(wanted4.number))),
                                                                  HasSubstr("dport=" + std::to_string(other.number))));
  EXPECT_EQ(output_of("conntrack -L -f ipv6 -p udp 2>/dev/null"), "");
  EXPECT_EQ(value(forget_connections(wanted)), 0u) << "they are gone";
}

TEST_F(Netfilter, ForgetsAConnectionOfAnotherZone) {
  ASSERT_TRUE(
      ok(nftables->commit("table inet t {\n chain output { type filter hook output priority -300; ct zone set 7; }\n}\n")));
  ASSERT_TRUE(ok(nftables->commit(kTracking)));
  const IpAddress ipv4 = Ipv4::of(127, 0, 0, 1);
  Port port;
  const UniqueFd server = udp_server(ipv4, port);
  send_datagram(ipv4, port);
  ASSERT_THAT(output_of("conntrack -L -p udp 2>/dev/null"), HasSubstr("zone=7"));
  EXPECT_EQ(value(forget_connections([&](const Connection& each) { return each.original_destination_port == port; })), 1u);
  EXPECT_THAT(output_of("conntrack -L -p udp 2>/dev/null"), Not(HasSubstr("zone=7")));
}

TEST_F(Netfilter, AConnectionTellsBothOfItsEnds) {
  const IpAddress loopback = Ipv4::of(127, 0, 0, 1), published = Ipv4::of(127, 0, 0, 5);
  Port inside;
  const UniqueFd server = udp_server(loopback, inside);
  ASSERT_TRUE(
      ok(nftables->commit("table inet t {\n chain output { type nat hook output priority -100; ip daddr 127.0.0.5 udp dport 53 "
                          "dnat ip to 127.0.0.1:" +
                          std::to_string(inside.number) + "; }\n}\n")));
  send_datagram(published, Port{53});
  std::vector<Connection> seen;
  EXPECT_EQ(value(forget_connections([&](const Connection& connection) {
              if (connection.ip_protocol == IPPROTO_UDP) seen.push_back(connection);
              return false;
            })),
            0u);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].original_source, loopback);
  EXPECT_EQ(seen[0].original_destination, published);
  EXPECT_EQ(seen[0].original_destination_port, Port{53});
  EXPECT_EQ(seen[0].reply_source, loopback);
  EXPECT_EQ(seen[0].reply_source_port, inside);
  EXPECT_EQ(seen[0].reply_destination, seen[0].original_source);
  EXPECT_EQ(seen[0].reply_destination_port, seen[0].original_source_port);
}

TEST_F(Netfilter, AConnectionThatEndsMeanwhileIsNoError) {
  ASSERT_TRUE(ok(nftables->commit(kTracking)));
  const IpAddress ipv4 = Ipv4::of(127, 0, 0, 1);
  Port port;
  const UniqueFd server = udp_server(ipv4, port);
  send_datagram(ipv4, port);
  bool asked = false;
  EXPECT_EQ(value(forget_connections([&](const Connection& connection) {
              if (connection.original_destination_port != port) return false;
              asked = true;
              run("conntrack -D -p udp >/dev/null 2>&1");
              return true;
            })),
            0u);
  EXPECT_TRUE(asked);
}

}  // namespace
}  // namespace postern::netfilter
