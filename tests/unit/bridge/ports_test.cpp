#include "ports.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>

#include "samples.h"

namespace postern::bridge {
namespace {

bool clash(const PortRange& one, const PortRange& other) {
  EXPECT_EQ(conflict(one, other), conflict(other, one)) << one.to_string() << " and " << other.to_string();
  EXPECT_TRUE(conflict(one, one)) << one.to_string();
  return conflict(one, other);
}

PortRange at(const char* host_address) { return range(80, 80, 80, host_address); }

TEST(Ports, RangesOfOneProtocolThatMeetConflict) {
  EXPECT_TRUE(clash(range(80, 89, 1), range(89, 99, 1)));
  EXPECT_TRUE(clash(range(80, 89, 1), range(84, 84, 1)));
  EXPECT_FALSE(clash(range(80, 89, 1), range(90, 99, 1)));
  PortRange udp = range(80, 89, 1);
  udp.protocol = Protocol::udp;
  EXPECT_FALSE(clash(range(80, 89, 1), udp));
}

TEST(Ports, SomeAddressesMeet) {
  EXPECT_TRUE(clash(at(nullptr), at(nullptr)));
  for (const char* any : {"0.0.0.0", "::", "127.0.0.1", "::1", "192.0.2.1", "2001:db8::1"})
    EXPECT_TRUE(clash(at(nullptr), at(any)));
  for (const char* ipv4 : {"0.0.0.0", "127.0.0.1", "192.0.2.1"}) EXPECT_TRUE(clash(at("0.0.0.0"), at(ipv4)));
  for (const char* ipv6 : {"::", "::1", "2001:db8::1"}) {
    EXPECT_TRUE(clash(at("::"), at(ipv6)));
    EXPECT_FALSE(clash(at("0.0.0.0"), at(ipv6)));
  }
  EXPECT_FALSE(clash(at("127.0.0.1"), at("192.0.2.1")));
  EXPECT_FALSE(clash(at("192.0.2.2"), at("192.0.2.1")));
  EXPECT_FALSE(clash(at("127.0.0.1"), at("::1")));
}

TEST(Ports, OfAListAreCheckedAmongThemselves) {
  const PortRange apart[] = {range(80, 89, 80), range(90, 90, 80), range(443, 443, 443, "127.0.0.1"),
                             range(443, 443, 443, "192.0.2.1")};
  EXPECT_TRUE(check_ports(apart));
  const PortRange together[] = {range(80, 89, 80), range(443, 443, 443), range(85, 85, 1, "::1")};
  const Status refused = check_ports(together);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "80-89:80-89/tcp and [::1]:85:1/tcp want the same port");
}

TEST(Ports, OfTheLoopbackAreOnItsOneAddressAFamily) {
  for (const char* good : {"127.0.0.1", "::1"}) {
    const PortRange ports[] = {at(good)};
    EXPECT_TRUE(check_ports(ports)) << good;
  }
  for (const char* bad : {"127.0.0.2", "127.255.255.255", "127.0.0.0"}) {
    const PortRange ports[] = {at(bad)};
    EXPECT_FALSE(check_ports(ports)) << bad << ": nothing would lead there";
  }
}

TEST(Ports, AreWrittenAsTheyAreAskedFor) {
  EXPECT_EQ(range(80, 80, 8080).to_string(), "80:8080/tcp");
  EXPECT_EQ(range(80, 89, 8080, "192.0.2.1").to_string(), "192.0.2.1:80-89:8080-8089/tcp");
  EXPECT_EQ(range(1, 65535, 1, "::").to_string(), "[::]:1-65535:1-65535/tcp");
}

struct Serves {
  const char* host_address;
  bool loopback4, loopback6, network4, network6;
};

TEST(Ports, WhoFindsThem) {
  for (const auto& [host_address, loopback4, loopback6, network4, network6] :
       std::initializer_list<Serves>{{nullptr, true, true, true, true},
                                     {"0.0.0.0", true, false, true, false},
                                     {"::", false, true, false, true},
                                     {"127.0.0.1", true, false, false, false},
                                     {"::1", false, true, false, false},
                                     {"192.0.2.1", false, false, true, false},
                                     {"2001:db8::1", false, false, false, true}}) {
    SCOPED_TRACE(host_address ? host_address : "everywhere");
    const PortRange ports = at(host_address);
    EXPECT_EQ(serves_loopback(ports, AF_INET), loopback4);
    EXPECT_EQ(serves_loopback(ports, AF_INET6), loopback6);
    EXPECT_EQ(serves_network(ports, AF_INET), network4);
    EXPECT_EQ(serves_network(ports, AF_INET6), network6);
  }
}

TEST(PortLines, SayWhatTheEndpointPublishes) {
  EXPECT_EQ(port_lines(sample_endpoint()),
            "tcp * 80 80 10.209.0.2 fd00::2 8080 blue web\n"
            "udp 192.0.2.1 5000 5009 10.209.0.2 fd00::2 5000 blue web\n"
            "tcp ::1 443 443 10.209.0.2 fd00::2 443 blue web\n");
  Endpoint none = sample_endpoint();
  none.ports.clear();
  EXPECT_EQ(port_lines(none), "");
}

TEST(PortLines, AreReadAsTheyWereWritten) {
  Endpoint six = sample_endpoint();
  six.id = "six";
  six.addresses.erase(six.addresses.begin());
  const auto found = parse_port_lines(port_lines(sample_endpoint()) + port_lines(six));
  ASSERT_EQ(found.size(), 6U);
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].range, sample_endpoint().ports[i % 3]) << i;
    EXPECT_EQ(found[i].network, "blue");
    EXPECT_EQ(found[i].id, i < 3 ? "web" : "six");
    EXPECT_EQ(found[i].container4, i < 3 ? Ipv4::parse("10.209.0.2") : std::nullopt);
    EXPECT_EQ(found[i].container6, Ipv6::parse("fd00::2"));
  }
}

TEST(PortLines, ThatAreWrongArePassedOver) {
  const std::string good = "tcp * 80 80 10.209.0.2 - 8080 blue web\n";
  for (const char* bad :
       {"", " ", "tcp", "sctp * 80 80 10.209.0.2 - 8080 blue web", "tcp here 80 80 10.209.0.2 - 8080 blue web",
        "tcp * 81 80 10.209.0.2 - 8080 blue web", "tcp * -1 80 10.209.0.2 - 8080 blue web",
        "tcp * 80 65536 10.209.0.2 - 8080 blue web", "tcp * 80 80 10.209.0.2 - x blue web",
        "tcp * 80 80 10.209.0 - 8080 blue web", "tcp * 80 80 10.209.0.2 fd00 8080 blue web", "tcp * 80 80 10.209.0.2 - 8080 blue",
        "tcp * 80 80 10.209.0.2 - 8080", "tcp * 80 80 10.209.0.2 - 8080 blue web more", "tcp * 1 100 10.209.0.2 - 65500 blue web",
        "tcp * 0 0 10.209.0.2 - 80 blue web", "tcp * 80 80 10.209.0.2 - 0 blue web"}) {
    const auto found = parse_port_lines(std::string(bad) + "\n" + good + bad);
    ASSERT_EQ(found.size(), 1U) << bad;
    EXPECT_EQ(found[0].range, range(80, 80, 8080));
  }
}

}  // namespace
}  // namespace postern::bridge
