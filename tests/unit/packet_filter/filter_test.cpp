#include "postern/packet_filter/filter.h"

#include <gtest/gtest.h>

#include "facts.h"

namespace postern::packet_filter {
namespace {

using test::facts;

Filter filter(const std::string& text) {
  auto parsed = Filter::parse(text);
  if (const auto* complaint = std::get_if<Complaint>(&parsed)) {
    ADD_FAILURE() << complaint->drawn(text);
    return filter("");
  }
  return std::get<Filter>(parsed);
}

const pf_facts kPing = facts("10.0.0.2", "192.0.2.3", IPPROTO_ICMP);
const pf_facts kPing6 = facts("fd00::2", "2001:db8::3", IPPROTO_ICMPV6);
const pf_facts kWeb = facts("10.0.0.2", "192.0.2.3", IPPROTO_TCP, 40'000, 80);
const pf_facts kWebAnswer = facts("192.0.2.3", "10.0.0.2", IPPROTO_TCP, 80, 40'000);
const pf_facts kWeb6 = facts("fd00::2", "2001:db8::3", IPPROTO_TCP, 40'000, 80);
const pf_facts kDns = facts("10.0.0.2", "192.0.2.53", IPPROTO_UDP, 40'000, 53);

/// Which of the packets above a filter wants, a letter each.
std::string wanted(const std::string& text) {
  const Filter wanted = filter(text);
  const std::pair<char, const pf_facts*> all[] = {{'p', &kPing},      {'P', &kPing6}, {'w', &kWeb},
                                                  {'a', &kWebAnswer}, {'W', &kWeb6},  {'d', &kDns}};
  std::string letters;
  for (const auto& [letter, packet] : all) {
    if (wanted.matches(*packet)) letters += letter;
  }
  return letters;
}

TEST(Filter, EmptyMeansEveryPacket) {
  EXPECT_EQ(wanted(""), "pPwaWd");
  EXPECT_EQ(wanted(" \t"), "pPwaWd");
  EXPECT_TRUE(filter("").matches(pf_facts{})) << "what is no IP packet as well";
}

TEST(Filter, ProtocolsAndFamilies) {
  EXPECT_EQ(wanted("icmp"), "p");
  EXPECT_EQ(wanted("icmp6"), "P");
  EXPECT_EQ(wanted("tcp"), "waW");
  EXPECT_EQ(wanted("ip"), "pwad");
  EXPECT_EQ(wanted("ip6"), "PW");
  EXPECT_EQ(wanted("proto 6"), "waW");
  EXPECT_EQ(wanted("ip proto 6"), "wa");
  EXPECT_EQ(wanted("ip6 proto tcp"), "W");
  EXPECT_EQ(wanted("proto \\udp"), "d");
  EXPECT_EQ(wanted("sctp"), "");
}

TEST(Filter, HostsOfEitherFamily) {
  EXPECT_EQ(wanted("host 192.0.2.3"), "pwa");
  EXPECT_EQ(wanted("host 2001:db8::3"), "PW");
  EXPECT_EQ(wanted("src host 192.0.2.3"), "a");
  EXPECT_EQ(wanted("dst 192.0.2.3"), "pw");
  EXPECT_EQ(wanted("src or dst host 192.0.2.3"), "pwa");
  EXPECT_EQ(wanted("src and dst host 192.0.2.3"), "");
  EXPECT_EQ(wanted("192.0.2.3"), "pwa");
  EXPECT_EQ(wanted("ip host 192.0.2.53"), "d");
  EXPECT_EQ(wanted("tcp host 192.0.2.3"), "wa");
  EXPECT_EQ(wanted("ip6 dst 2001:db8::3"), "PW");
}

TEST(Filter, Networks) {
  EXPECT_EQ(wanted("net 192.0.2.0/26"), "pwad");
  EXPECT_EQ(wanted("net 192.0.2.32/27"), "d");
  EXPECT_EQ(wanted("dst net 192.0.2.0/26"), "pwd");
  EXPECT_EQ(wanted("src and dst net 0.0.0.0/0"), "pwad");
  EXPECT_EQ(wanted("net 2001:db8::/33"), "PW");
  EXPECT_EQ(wanted("net fd00::2"), "PW");
  EXPECT_EQ(wanted("192.0.2.32/27"), "d");
  EXPECT_EQ(wanted("src and dst net 128.0.0.0/1"), "");
  EXPECT_EQ(wanted("net ::/0"), "PW");
}

TEST(Filter, Ports) {
  EXPECT_EQ(wanted("port 80"), "waW");
  EXPECT_EQ(wanted("src port 80"), "a");
  EXPECT_EQ(wanted("tcp dst port 80"), "wW");
  EXPECT_EQ(wanted("udp port 80"), "");
  EXPECT_EQ(wanted("ip6 port 80"), "W");
  EXPECT_EQ(wanted("portrange 53-80"), "waWd");
  EXPECT_EQ(wanted("dst portrange 54-80"), "wW");
  EXPECT_EQ(wanted("portrange 53"), "d");
  EXPECT_EQ(wanted("src and dst portrange 53-40000"), "waWd");
}

TEST(Filter, APacketWithoutPortsHasNotPortZero) {
  EXPECT_FALSE(filter("port 0").matches(kPing));
  pf_facts later_fragment = kWeb;
  later_fragment.has_ports = 0;
  later_fragment.source_port = later_fragment.destination_port = 0;
  EXPECT_FALSE(filter("portrange 0-65535").matches(later_fragment));
  EXPECT_TRUE(filter("tcp and not port 80").matches(later_fragment));
}

TEST(Filter, AndAndOrBindAlikeFromLeftToRight) {
  EXPECT_EQ(wanted("icmp or tcp and src port 80"), "a") << "as pcap-filter(7): (icmp or tcp) and src port 80";
  EXPECT_EQ(wanted("icmp or (tcp and src port 80)"), "pa");
  EXPECT_EQ(wanted("tcp && src port 80 || icmp"), "pa");
}

TEST(Filter, NotBindsClosest) {
  EXPECT_EQ(wanted("not tcp and ip"), "pd");
  EXPECT_EQ(wanted("!(tcp and ip)"), "pPWd");
  EXPECT_EQ(wanted("! ! tcp"), "waW");
  EXPECT_EQ(wanted("not host 192.0.2.3"), "PWd");
  EXPECT_EQ(wanted("not (not icmp and not udp)"), "pd");
}

TEST(Filter, AValueAloneTakesTheWordsOfTheOneBefore) {
  EXPECT_EQ(wanted("port 80 or 53"), "waWd");
  EXPECT_EQ(wanted("tcp dst port 53 or 80"), "wW");
  EXPECT_EQ(wanted("host 192.0.2.53 or 2001:db8::3"), "PWd");
  EXPECT_EQ(wanted("not host 192.0.2.3 and 192.0.2.53"), "d");
  EXPECT_EQ(wanted("proto 1 or 17"), "pd");
  EXPECT_EQ(wanted("proto icmp or 17"), "pd");
  EXPECT_EQ(wanted("tcp src port (80 or 443)"), "a");
  EXPECT_EQ(wanted("src (192.0.2.3 or fd00::2)"), "PaW");
}

struct Refusal {
  std::string text, carets, said;
};
void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.text; }

class RefusedFilter : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedFilter, SaysWhereAndWhy) {
  const auto parsed = Filter::parse(GetParam().text);
  const auto* complaint = std::get_if<Complaint>(&parsed);
  ASSERT_TRUE(complaint);
  EXPECT_EQ(complaint->drawn(GetParam().text), GetParam().said + "\n" + GetParam().text + "\n" + GetParam().carets);
}

const std::string kNoBytes = ": bytes of a packet cannot be compared: host, net, port and proto are possible";

INSTANTIATE_TEST_SUITE_P(
    , RefusedFilter,
    testing::Values(
        Refusal{"tcp prot 80", "    ^^^^", R"("prot" is no word of a filter's (did you mean "port"?))"},
        Refusal{"imcp", "^^^^", R"("imcp" is no word of a filter's (did you mean "icmp"?))"},
        Refusal{"tcp adn port 80", "    ^^^", R"("adn" is no word of a filter's (did you mean "and"?))"},
        Refusal{"tcp & udp", "    ^", R"("&" is no word of a filter's (did you mean "&&"?))"},
        Refusal{"www.example.org", "^^^^^^^^^^^^^^^",
                R"("www.example.org" is no word of a filter's; names of hosts and services are not looked up: )"
                "write the address or the number"},
        Refusal{"ether host 02:00:00:00:00:01", "^^^^^",
                R"("ether" looks at the link's header, and a filter begins at the IP header: ip or ip6 are possible)"},
        Refusal{"icmp or arp", "        ^^^",
                R"("arp" is another protocol than IP, and what is followed is IP: ip or ip6 are possible)"},
        Refusal{"tcp[13] & 2 != 0", "^^^^^^^", R"("tcp[13]")" + kNoBytes},
        Refusal{"less 100", "^^^^", R"("less" asks for a length, which a filter cannot: host, net, port and proto are possible)"},
        Refusal{"tcp and", "       ^", "a condition is missing at the end"},
        Refusal{"and tcp", "^^^", "a condition is missing before this"},
        Refusal{"(tcp or udp", "^", "no \")\" belongs to this \"(\""}, Refusal{"tcp)", "   ^", "no \"(\" belongs to this \")\""},
        Refusal{"()", " ^", "a condition is missing before this"}, Refusal{"host", "    ^", "an address is missing at the end"},
        Refusal{"port and udp", "     ^^^", "a port's number is missing before this"},
        Refusal{"tcp port 80 host 192.0.2.3", "            ^^^^", R"("and" or "or" is missing before "host")"},
        Refusal{"port 80 443", "        ^^^", R"("and" or "or" is missing before "443")"},
        Refusal{"host box", "     ^^^", R"("box" is no address; names of hosts are not looked up)"},
        Refusal{"host 443", "     ^^^", R"("443" is no address (port 443?))"},
        Refusal{"host 192.0.2.0/24", "     ^^^^^^^^^^^^", R"("192.0.2.0/24" is a network: write net)"},
        Refusal{"port http", "     ^^^^", R"("http" is no port; names of services are not looked up: write the number)"},
        Refusal{"port 80-90", "     ^^^^^", R"("80-90" is no port (portrange 80-90?))"},
        Refusal{"port 65536", "     ^^^^^", R"("65536" is no port from 0 to 65535)"},
        Refusal{"port 80 or 192.0.2.3", "           ^^^^^^^^^", R"("192.0.2.3" is no port (host 192.0.2.3?))"},
        Refusal{"portrange 90-80", "          ^^^^^", R"("90-80" is no range of ports from 0 to 65535, as 8000-8999)"},
        Refusal{"443", "^^^", R"("443" of what? (port 443, proto 443, ...))"},
        Refusal{"tcp or 443", "       ^^^", R"("443" of what? (port 443, proto 443, ...))"},
        Refusal{"net 192.0.2.1/24", "    ^^^^^^^^^^^^", R"("192.0.2.1/24" has bits of a host: the network is 192.0.2.0/24)"},
        Refusal{"net 2001:db8::1/32", "    ^^^^^^^^^^^^^^",
                R"("2001:db8::1/32" has bits of a host: the network is 2001:db8::/32)"},
        Refusal{"net 192.0.2.0/33", "    ^^^^^^^^^^^^", R"("192.0.2.0/33" is no network, as 192.0.2.0/24 or 2001:db8::/32)"},
        Refusal{"net 10.0.0.0 mask 255.0.0.0", "             ^^^^",
                R"("mask" is not possible: write the network's length, as in net 192.0.2.0/24)"},
        Refusal{"ip host 2001:db8::1", "        ^^^^^^^^^^^", R"("2001:db8::1" is IPv6, and the word before it means IPv4)"},
        Refusal{"icmp port 80", "     ^^^^", "this protocol has no ports"},
        Refusal{"tcp proto 6", "    ^^^^^", R"("proto" stands alone, or after "ip" or "ip6")"},
        Refusal{"src proto 6", "    ^^^^^", "a protocol has no direction"},
        Refusal{"proto 256", "      ^^^", R"("256" is no protocol: a number from 0 to 255, or tcp, udp, ...)"},
        Refusal{"tcp and udp", "^^^^^^^^^^^", "no packet can match: it would have to be of two protocols at once"}));

TEST(Complaint, ShowsNoControlCharacters) {
  const std::string text = "tcp\tand \x1b[2Jx\xc3\xa9";
  const auto parsed = Filter::parse(text);
  const auto* complaint = std::get_if<Complaint>(&parsed);
  ASSERT_TRUE(complaint);
  EXPECT_EQ(complaint->drawn(text), "\"?[2Jx??\"" + kNoBytes + "\ntcp and ?[2Jx??\n        ^^^^^^^");
}

TEST(Filter, RefusesMoreTestsThanAProgramHolds) {
  std::string text = "port 0";
  for (int i = 1; i < PF_MAX_STEPS; ++i) text += " or " + std::to_string(i);
  EXPECT_EQ(filter(text).program().steps, PF_MAX_STEPS);
  const auto parsed = Filter::parse(text + " or 999");
  const auto* complaint = std::get_if<Complaint>(&parsed);
  ASSERT_TRUE(complaint);
  EXPECT_EQ(complaint->what, "the filter is too long: 32 tests are what it may have");
  EXPECT_EQ(complaint->offset, text.size() + 4);
}

TEST(Filter, RefusesDeepNesting) {
  const std::string deep(100'000, '(');
  const auto parsed = Filter::parse(deep);
  ASSERT_TRUE(std::holds_alternative<Complaint>(parsed));
  EXPECT_EQ(std::get<Complaint>(parsed).offset, 32U);
  EXPECT_TRUE(std::holds_alternative<Filter>(Filter::parse(std::string(32, '(') + "tcp" + std::string(32, ')'))));
}

std::vector<int> protocols(const std::string& text) {
  const pf_program program = filter(text).program();
  return {program.protocol, program.protocol + program.protocols};
}

TEST(Filter, SaysWhichProtocolsCanMatch) {
  using List = std::vector<int>;
  EXPECT_EQ(protocols("icmp and host 192.0.2.3"), List{1});
  EXPECT_EQ(protocols("tcp port 80"), List{6});
  EXPECT_EQ(protocols("port 80"), (List{6, 17, 132}));
  EXPECT_EQ(protocols("tcp or icmp"), (List{1, 6}));
  EXPECT_EQ(protocols("host 192.0.2.3"), List{});
  EXPECT_EQ(protocols("tcp or host 192.0.2.3"), List{});
  EXPECT_EQ(protocols("not tcp"), List{});
  EXPECT_EQ(protocols("not (not tcp and not udp)"), (List{6, 17}));
  EXPECT_EQ(protocols("udp and not port 53"), List{17});
  EXPECT_EQ(protocols("proto 1 or 2 or 3 or 4 or 5"), List{}) << "more than a program holds";
  EXPECT_EQ(protocols(""), List{});
}

}  // namespace
}  // namespace postern::packet_filter
