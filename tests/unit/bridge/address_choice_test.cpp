#include "address_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "samples.h"
#include "temporary_store.h"

namespace postern::bridge {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Subnet subnet(const char* gateway, unsigned prefix_bits) { return {*parse_ip(gateway), prefix_bits}; }

std::string chosen(const std::vector<Taken>& taken) {
  const auto found = choose_subnet4(taken);
  return found ? to_string(found->gateway) + "/" + std::to_string(found->prefix_bits) : found.error().message();
}

std::string complaint(const Status& status) { return status ? "none" : status.error().message(); }

TEST(ChooseSubnet, TheFirstThatOverlapsNothing) {
  EXPECT_EQ(chosen({}), "10.209.0.1/24");
  EXPECT_EQ(chosen({{subnet("10.209.0.1", 24), ""}}), "10.209.1.1/24");
  EXPECT_EQ(chosen({{subnet("10.209.0.1", 24), ""}, {subnet("10.209.2.1", 24), ""}}), "10.209.1.1/24");
  EXPECT_EQ(chosen({{subnet("10.209.0.77", 32), ""}}), "10.209.1.1/24") << "a host's route to one address";
  EXPECT_EQ(chosen({{subnet("10.208.0.0", 14), ""}}), "10.212.0.1/24");
  EXPECT_EQ(chosen({{subnet("192.168.0.1", 16), ""}, {subnet("fd00::1", 1), ""}}), "10.209.0.1/24");
}

TEST(ChooseSubnet, TheLastIsGivenToo) {
  std::vector<Taken> taken;
  for (uint32_t network = 0; network < 15 * 256 - 1; ++network) {
    taken.push_back({{Ipv4{Ipv4::of(10, 209, 0, 1).bits + 256 * network}, 24}, ""});
  }
  EXPECT_EQ(chosen(taken), "10.223.255.1/24");
}

TEST(ChooseSubnet, AnExhaustedPoolIsNamedWithTheRemedy) {
  EXPECT_THAT(chosen({{subnet("10.0.0.1", 8), "a VPN"}}),
              AllOf(HasSubstr("10.209.0.0/24 to 10.223.255.0/24"), HasSubstr("--subnet CIDR")));
}

TEST(ChooseSubnet, OfIpv6IsUniqueAndLocal) {
  std::set<std::string> networks;
  for (int i = 0; i < 20; ++i) {
    const auto found = choose_subnet6();
    ASSERT_TRUE(found);
    const auto& octets = std::get<Ipv6>(found->gateway).octets;
    EXPECT_EQ(octets[0], 0xFD) << "RFC 4193: fd00::/8 is assigned locally";
    EXPECT_EQ(found->prefix_bits, 64U);
    EXPECT_EQ(std::vector<uint8_t>(octets.begin() + 6, octets.end()), (std::vector<uint8_t>{0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
    networks.insert(found->network());
  }
  EXPECT_EQ(networks.size(), 20U) << "of 2^40";
}

TEST(CheckSubnet, SaysWhatIsWrongWithIt) {
  const std::vector<Taken> taken = {{subnet("10.0.0.1", 16), "the host's route to 10.0.0.0/16"}};
  EXPECT_EQ(complaint(check_subnet(subnet("10.209.0.1", 24), taken)), "none");
  EXPECT_EQ(complaint(check_subnet(subnet("10.209.0.254", 24), taken)), "none");
  EXPECT_EQ(complaint(check_subnet(subnet("10.209.0.1", 30), taken)), "none");
  EXPECT_EQ(complaint(check_subnet(subnet("10.209.0.0", 31), taken)), "none") << "RFC 3021";
  EXPECT_EQ(complaint(check_subnet(subnet("fd00::", 127), taken)), "none") << "RFC 6164";
  EXPECT_EQ(complaint(check_subnet(subnet("fd00::ff", 120), taken)), "none");
  EXPECT_EQ(complaint(check_subnet(subnet("10.209.0.1", 32), taken)), "10.209.0.1/32 has no room for a gateway and a container");
  EXPECT_EQ(complaint(check_subnet(subnet("fd00::1", 128), taken)), "fd00::1/128 has no room for a gateway and a container");
  for (const char* gateway : {"10.209.0.0", "10.209.0.255"}) {
    EXPECT_EQ(complaint(check_subnet(subnet(gateway, 24), taken)),
              std::string(gateway) + "/24 is no address of a host in 10.209.0.0/24");
  }
  EXPECT_EQ(complaint(check_subnet(subnet("fd00::", 64), taken)), "fd00::/64 is no address of a host in fd00::/64");
  EXPECT_EQ(complaint(check_subnet(subnet("10.0.7.1", 24), taken)),
            "10.0.7.0/24 overlaps the host's route to 10.0.0.0/16 (choose another, or none: --subnet)");
}

class Claims : public TemporaryStore {
 protected:
  void use(std::vector<Subnet> subnets) {
    network.spec.subnets = std::move(subnets);
    ASSERT_TRUE(store->keep(network));
  }
  std::string next(const std::string& key = "web@eth0", size_t which = 0) {
    const auto claimed = claim_next(*store, network, network.spec.subnets.at(which), key);
    return claimed ? to_string(*claimed) : claimed.error().message();
  }
  std::string wanted(const char* address, const std::string& key = "web@eth0") {
    return complaint(claim_wanted(*store, network, *parse_ip(address), key));
  }
  void release(const char* address) { ASSERT_TRUE(store->release("blue", *parse_ip(address))); }

  Network network = sample_network();
};

TEST_F(Claims, TheNextIsTheFirstFreeBehindTheLastGiven) {
  use({subnet("10.209.0.1", 24)});
  EXPECT_EQ(next(), "10.209.0.2");
  EXPECT_EQ(next(), "10.209.0.3");
  release("10.209.0.3");
  EXPECT_EQ(next(), "10.209.0.4") << "what was just given back is not soon another's";
  EXPECT_EQ(wanted("10.209.0.5"), "none");
  EXPECT_EQ(next(), "10.209.0.6");
}

TEST_F(Claims, AtItsEndTheyBeginAgainAndSkipTheGateway) {
  use({subnet("10.209.0.3", 29)});
  for (const char* each : {"10.209.0.1", "10.209.0.2", "10.209.0.4", "10.209.0.5", "10.209.0.6"}) EXPECT_EQ(next(), each);
  release("10.209.0.2");
  EXPECT_EQ(next(), "10.209.0.2");
  release("10.209.0.4");
  release("10.209.0.1");
  EXPECT_EQ(next(), "10.209.0.4");
  EXPECT_EQ(next(), "10.209.0.1");
}

TEST_F(Claims, OfBothFamiliesDoNotMeet) {
  use({subnet("10.209.0.1", 24), subnet("fd00::1", 64)});
  EXPECT_EQ(next("web@eth0", 1), "fd00::2");
  EXPECT_EQ(next("web@eth0", 0), "10.209.0.2");
  EXPECT_EQ(next("web@eth0", 1), "fd00::3");
}

TEST_F(Claims, TheSmallestNetworksHaveRoomForOne) {
  use({subnet("10.209.0.0", 31), subnet("fd00::1", 127), subnet("10.209.1.1", 32)});
  EXPECT_EQ(next("web@eth0", 0), "10.209.0.1");
  EXPECT_EQ(next("web@eth0", 1), "fd00::");
  EXPECT_THAT(next("db@eth0", 0), HasSubstr("is full: held by web (10.209.0.1)"));
  EXPECT_EQ(next("web@eth0", 2), "10.209.1.1/32 has no address for a container");
}

TEST_F(Claims, AFullNetworkNamesSomeOfItsHolders) {
  use({subnet("10.209.0.1", 28), subnet("fd00::1", 64)});
  EXPECT_EQ(next("six@eth0", 1), "fd00::2");
  for (int i = 0; i < 13; ++i) EXPECT_THAT(next("c" + std::to_string(i) + "@eth0"), Not(HasSubstr("full")));
  EXPECT_THAT(next(), AllOf(HasSubstr("10.209.0.0/28 of network blue is full: held by "), HasSubstr("c0 (10.209.0.2)"),
                            HasSubstr(" and 7 more (postern bridge gc"), Not(HasSubstr("@eth0")), Not(HasSubstr("six"))));
  release("10.209.0.9");
  EXPECT_EQ(next(), "10.209.0.9");
}

TEST_F(Claims, AnAddressThatIsWantedMayBeRefused) {
  use({subnet("10.209.0.1", 24), subnet("fd00::1", 64)});
  EXPECT_EQ(wanted("10.209.0.254"), "none");
  EXPECT_EQ(wanted("fd00::ffff:ffff:ffff:ffff"), "none") << "beyond those that are given by themselves";
  EXPECT_EQ(wanted("10.209.1.2"), "10.209.1.2 is in no subnet of network blue (postern bridge inspect blue)");
  EXPECT_EQ(wanted("fd01::2"), "fd01::2 is in no subnet of network blue (postern bridge inspect blue)");
  EXPECT_EQ(wanted("10.209.0.1"), "10.209.0.1 is the gateway of network blue");
  EXPECT_EQ(wanted("10.209.0.0"), "10.209.0.0 is no address of a host in 10.209.0.0/24");
  EXPECT_EQ(wanted("10.209.0.255"), "10.209.0.255 is no address of a host in 10.209.0.0/24");
  EXPECT_EQ(wanted("fd00::"), "fd00:: is no address of a host in fd00::/64");
  const Status held = claim_wanted(*store, network, *parse_ip("10.209.0.254"), "db@eth0");
  ASSERT_FALSE(held);
  EXPECT_TRUE(held.error().is(std::errc::address_in_use));
  EXPECT_THAT(held.error().message(), HasSubstr("10.209.0.254 is held by web of network blue"));
}

TEST_F(Claims, OfANetworkThatIsNotKeptAreErrors) {
  EXPECT_THAT(next(), HasSubstr("addresses/10.209.0.2: No such file or directory"));
  EXPECT_THAT(wanted("10.209.0.7"), HasSubstr("addresses/10.209.0.7: No such file or directory"));
}

}  // namespace
}  // namespace postern::bridge
