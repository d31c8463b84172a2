#include "attachment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::cni {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Call call(std::optional<std::string> ipam = std::nullopt) {
  Call call;
  call.arguments.container_id = "web-1";
  call.arguments.netns = "/run/netns/web";
  call.arguments.interface = "eth0";
  call.configuration.name = "blue";
  call.configuration.network.bridge = "blue";
  call.configuration.ipam = std::move(ipam);
  return call;
}

AddResult chosen() {
  AddResult chosen;
  chosen.ips = {{*parse_address("10.9.0.2/24"), parse_ip("10.9.0.1")}};
  chosen.routes = {{*parse_address("0.0.0.0/0")}, {*parse_address("192.168.0.0/16"), parse_ip("10.9.0.1")}};
  return chosen;
}

Made made() {
  Made made;
  made.network.spec.name = "blue";
  made.network.spec.subnets = {*parse_subnet("10.9.0.0/24"), *parse_subnet("fd09::/64")};
  made.network.spec.mtu_bytes = 1500;
  made.network.mac = Mac{{2, 0, 0, 0, 0, 1}};
  made.endpoint.network = "blue";
  made.endpoint.id = "web-1";
  made.endpoint.interface = "eth0";
  made.endpoint.host_interface = "pv1a2b3c";
  made.endpoint.mac = Mac{{2, 0, 0, 0, 0, 3}};
  made.endpoint.addresses = {*parse_address("10.9.0.2/24"), *parse_address("fd09::2/64")};
  made.host_mac = Mac{{2, 0, 0, 0, 0, 2}};
  return made;
}

TEST(CniAttachment, IsInTheSubnetThatTheIpamPluginChoseFrom) {
  EXPECT_THAT(wish_for(call("host-local").configuration, chosen()).subnets, ElementsAre(*parse_subnet("10.9.0.0/24")));
  AddResult without_gateway = chosen();
  without_gateway.ips[0].gateway.reset();
  EXPECT_THAT(wish_for(call("static").configuration, without_gateway).subnets, ElementsAre(*parse_subnet("10.9.0.0/24")));
}

TEST(CniAttachment, IsInTheConfiguredSubnetWhereTheAddressIsOfIt) {
  Configuration configuration = call("static").configuration;
  configuration.network.subnets = {*parse_subnet("10.9.0.254/16")};
  EXPECT_THAT(wish_for(configuration, chosen()).subnets, ElementsAre(*parse_subnet("10.9.0.254/16")));
}

TEST(CniAttachment, IsThatOfTheContainer) {
  Call asked = call();
  asked.configuration.names = {"db"};
  asked.arguments.pod_name = "web";
  asked.arguments.address = parse_ip("10.9.0.7");
  asked.arguments.mac = Mac{{2, 0, 0, 0, 0, 7}};
  const auto spec = endpoint_for(asked, asked.configuration.network, {});
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->network, "blue");
  EXPECT_EQ(spec->id, "web-1");
  EXPECT_EQ(spec->namespace_path, "/run/netns/web");
  EXPECT_EQ(spec->interface, "eth0");
  EXPECT_EQ(spec->owner, "cni blue");
  EXPECT_THAT(spec->names, ElementsAre("web", "db"));
  EXPECT_THAT(spec->addresses, ElementsAre(*parse_ip("10.9.0.7")));
  EXPECT_EQ(spec->mac, (Mac{{2, 0, 0, 0, 0, 7}}));
}

TEST(CniAttachment, HasTheIpamPluginsAddressAndNoOther) {
  Call asked = call("host-local");
  asked.configuration.addresses = {*parse_ip("10.9.0.7")};
  const auto spec = endpoint_for(asked, wish_for(asked.configuration, chosen()), chosen());
  ASSERT_TRUE(spec);
  EXPECT_THAT(spec->addresses, ElementsAre(*parse_ip("10.9.0.2")));
}

TEST(CniAttachment, LeadsByTheBridgeAlone) {
  AddResult by_another = chosen();
  by_another.routes.push_back({*parse_address("172.16.0.0/12"), parse_ip("10.9.0.9")});
  const Call asked = call("host-local");
  const auto spec = endpoint_for(asked, wish_for(asked.configuration, by_another), by_another);
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().code, static_cast<unsigned>(Code::unsupported_field));
}

TEST(CniResult, ShowsBridgeAndBothEnds) {
  const AddResult result = result_of(made(), call(), {});
  ASSERT_EQ(result.interfaces.size(), 3U);
  EXPECT_EQ(result.interfaces[0], (AddResult::Interface{"blue", "02:00:00:00:00:01", "", 1500}));
  EXPECT_EQ(result.interfaces[1], (AddResult::Interface{"pv1a2b3c", "02:00:00:00:00:02", "", 1500}));
  EXPECT_EQ(result.interfaces[2], (AddResult::Interface{"eth0", "02:00:00:00:00:03", "/run/netns/web", 1500}));
  EXPECT_THAT(result.ips, ElementsAre(AddResult::Ip{*parse_address("10.9.0.2/24"), parse_ip("10.9.0.1"), 2},
                                      AddResult::Ip{*parse_address("fd09::2/64"), parse_ip("fd09::1"), 2}));
}

TEST(CniResult, HasADefaultRouteAFamilyAndTheIpamPluginsOthers) {
  const AddResult result = result_of(made(), call(), chosen());
  EXPECT_THAT(result.routes, ElementsAre(AddResult::Route{*parse_address("0.0.0.0/0"), parse_ip("10.9.0.1")},
                                         AddResult::Route{*parse_address("::/0"), parse_ip("fd09::1")},
                                         AddResult::Route{*parse_address("192.168.0.0/16"), parse_ip("10.9.0.1")}));
}

TEST(CniResult, HasNoRouteOutOfAnInternalNetwork) {
  Made internal = made();
  internal.network.spec.egress = bridge::Egress::nowhere;
  EXPECT_THAT(result_of(internal, call(), chosen()).routes, IsEmpty());
}

TEST(CniResult, NamesTheGatewayAsNameserverWhereNobodyNamesAnother) {
  EXPECT_THAT(result_of(made(), call(), {}).dns.nameservers, ElementsAre("10.9.0.1", "fd09::1"));
  Made nameless = made();
  nameless.network.spec.names = false;
  EXPECT_THAT(result_of(nameless, call(), {}).dns.nameservers, IsEmpty());
  AddResult from_ipam = chosen();
  from_ipam.dns.nameservers = {"192.0.2.8"};
  EXPECT_THAT(result_of(made(), call(), from_ipam).dns.nameservers, ElementsAre("192.0.2.8"));
  Call told = call();
  told.configuration.dns.nameservers = {"192.0.2.9"};
  EXPECT_THAT(result_of(made(), told, from_ipam).dns.nameservers, ElementsAre("192.0.2.9"));
}

TEST(CniDeviation, IsNoneOfWhatWasJustMade) {
  EXPECT_EQ(deviation(made().endpoint, result_of(made(), call(), {})), std::nullopt);
}

TEST(CniDeviation, IsNotWhatPluginsBehindUsAdd) {
  AddResult more = result_of(made(), call(), {});
  more.interfaces.push_back({"ifb0", "02:00:00:00:00:09"});
  more.interfaces[2].mac = "02:00:00:00:00:08";  // tuning may do that
  more.ips.push_back({*parse_address("10.77.0.2/24")});
  EXPECT_EQ(deviation(made().endpoint, more), std::nullopt);
}

TEST(CniDeviation, IsWhatThePreviousResultLacks) {
  const AddResult whole = result_of(made(), call(), {});
  for (size_t i = 0; i < whole.interfaces.size(); ++i) {
    AddResult less = whole;
    less.interfaces.erase(less.interfaces.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_NE(deviation(made().endpoint, less), std::nullopt) << whole.interfaces[i].name;
  }
  AddResult other = whole;
  other.ips[0].address = *parse_address("10.9.0.3/24");
  EXPECT_EQ(deviation(made().endpoint, other), "prevResult lacks address 10.9.0.2/24");
  AddResult outside = whole;
  outside.interfaces[2].sandbox.clear();
  EXPECT_NE(deviation(made().endpoint, outside), std::nullopt) << "eth0 is not the host's";
}

}  // namespace
}  // namespace postern::cni
