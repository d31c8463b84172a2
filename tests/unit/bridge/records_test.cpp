#include "records.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <functional>

#include "samples.h"

namespace postern::bridge {
namespace {

using Json = nlohmann::json;

const Pending kPending{Pending::Operation::detach, "blue", "web@eth0", "pv1a2b3c"};
const ProxyRecord kProxy{42, 123456789012345, Port{40001}, Port{40002}};

/// What parses a record, and a record that it parses.
struct Kind {
  std::string text;
  std::function<bool(std::string_view)> parses;
};

std::vector<Kind> kinds() {
  return {{to_text(sample_network()), [](std::string_view text) { return bool(parse_network(text)); }},
          {to_text(sample_endpoint()), [](std::string_view text) { return bool(parse_endpoint(text)); }},
          {to_text(kPending), [](std::string_view text) { return bool(parse_pending(text)); }},
          {to_text(kProxy), [](std::string_view text) { return bool(parse_proxy(text)); }}};
}

/// Every place in `json`, the deepest first.
std::vector<Json::json_pointer> places(const Json& json) {
  std::vector<Json::json_pointer> found;
  const Json flat = json.flatten();
  for (const auto& [place, value] : flat.items()) {
    (void)value;
    for (Json::json_pointer each(place); !each.empty(); each = each.parent_pointer()) {
      if (std::find(found.begin(), found.end(), each) == found.end()) found.push_back(each);
    }
  }
  return found;
}

TEST(Records, SayEverythingOfANetwork) {
  EXPECT_EQ(parse_network(to_text(sample_network())), sample_network());
  for (const Isolation isolation : {Isolation::published, Isolation::full, Isolation::open}) {
    Network network = sample_network();
    network.spec.isolation = isolation;
    EXPECT_EQ(parse_network(to_text(network)), network);
  }
  Network plain;
  plain.spec.name = "plain";
  plain.spec.subnets = {{*parse_ip("10.209.0.1"), 24}};
  EXPECT_EQ(parse_network(to_text(plain)), plain) << "with nothing that can be left out";
}

TEST(Records, SayEverythingOfAnEndpoint) {
  EXPECT_EQ(parse_endpoint(to_text(sample_endpoint())), sample_endpoint());
  Endpoint plain = sample_endpoint();
  plain.names.clear();
  plain.ports.clear();
  plain.owner.clear();
  plain.target.device = ~dev_t{0};
  plain.target.inode = ~ino_t{0};
  EXPECT_EQ(parse_endpoint(to_text(plain)), plain);
}

TEST(Records, SayEverythingOfAnOperationAndOfTheProxy) {
  using Operation = Pending::Operation;
  for (const auto operation : {Operation::up, Operation::down, Operation::attach, Operation::detach, Operation::publish}) {
    Pending pending = kPending;
    pending.operation = operation;
    EXPECT_EQ(parse_pending(to_text(pending)), pending);
  }
  const Pending of_a_network{Operation::up, "blue", "", ""};
  EXPECT_EQ(parse_pending(to_text(of_a_network)), of_a_network);
  EXPECT_EQ(parse_proxy(to_text(kProxy)), kProxy);
  const ProxyRecord of_ipv4_alone{1, UINT64_MAX, Port{65535}, Port{}};
  EXPECT_EQ(parse_proxy(to_text(of_ipv4_alone)), of_ipv4_alone);
}

TEST(Records, WithoutAFieldAreRefusedButForThreeThatMayBeLeftOut) {
  for (const Kind& kind : kinds()) {
    ASSERT_TRUE(kind.parses(kind.text)) << kind.text;
    const Json whole = Json::parse(kind.text);
    for (const Json::json_pointer& place : places(whole)) {
      const std::string field = place.back();
      if (whole.at(place.parent_pointer()).is_array() || field == "version" || field == "external" || field == "forwarding")
        continue;
      Json without = whole;
      without.at(place.parent_pointer()).erase(field);
      EXPECT_FALSE(kind.parses(without.dump())) << place.to_string();
    }
  }
}

TEST(Records, WithAValueOfAnotherKindAreRefused) {
  for (const Kind& kind : kinds()) {
    const Json whole = Json::parse(kind.text);
    for (const Json::json_pointer& place : places(whole)) {
      if (place.back() == "version") continue;
      const Json::value_t own = whole.at(place).type();
      for (const Json& other : {Json(nullptr), Json(true), Json(-1), Json(7), Json(1.5), Json("\"\n;{"), Json::array(),
                                Json::object(), Json{{"a", 1}}, Json::array({1})}) {
        if (other.type() == own || (own == Json::value_t::number_unsigned && other == 7)) continue;
        Json wrong = whole;
        wrong.at(place) = other;
        EXPECT_FALSE(kind.parses(wrong.dump())) << place.to_string() << " is " << other.dump();
      }
    }
  }
}

struct Change {
  const char* place;
  Json value;
};

template <class Parse>
void expect_refused(const std::string& good, const std::vector<Change>& changes, Parse&& parse) {
  ASSERT_TRUE(parse(good));
  for (const auto& [place, value] : changes) {
    Json wrong = Json::parse(good);
    wrong.at(Json::json_pointer(place)) = value;
    EXPECT_FALSE(parse(wrong.dump())) << place << " is " << value.dump();
  }
}

TEST(Records, OfANetworkThatCannotBeAreRefused) {
  expect_refused(to_text(sample_network()),
                 {{"/name", ""},
                  {"/name", ".."},
                  {"/name", "a/b"},
                  {"/name", "a\""},
                  {"/name", "sixteen-letters_"},
                  {"/external", "a\""},
                  {"/external", ""},
                  {"/mac", "02:00:5e:10:00"},
                  {"/mac", " 2:+0:0x:10:00:01"},
                  {"/mac", "02:00:5e:10:00:01 "},
                  {"/isolation", "ful"},
                  {"/isolation", ""},
                  {"/subnets/0/address", "10.209.0"},
                  {"/subnets/0/prefix", 33},
                  {"/subnets/0/prefix", 4294967320},
                  {"/subnets/1/prefix", 129},
                  {"/mtu", -1},
                  {"/mtu", 4294967296 + 1500},
                  {"/mtu", 1400.0}},
                 parse_network);
}

TEST(Records, OfAnEndpointThatCannotBeAreRefused) {
  expect_refused(to_text(sample_endpoint()),
                 {{"/network", ""},
                  {"/network", "../.."},
                  {"/id", ""},
                  {"/id", "a@b"},
                  {"/id", "../x"},
                  {"/interface", ""},
                  {"/interface", "a/b"},
                  {"/host_interface", "a b"},
                  {"/host_interface", ""},
                  {"/ports/0", "tcp * 0 80 8080"},
                  {"/ports/0", "tcp * 81 80 8080"},
                  {"/ports/0", "tcp * 65616 65616 8080"},
                  {"/ports/0", "tcp * 80 65616 8080"},
                  {"/ports/0", "tcp * 80 80 0"},
                  {"/ports/0", "tcp * 80 80 -1"},
                  {"/ports/0", "tcp * 80 80"},
                  {"/ports/0", "tcp * 80 80 8080 more"},
                  {"/ports/0", "tcp * 80 89 65530"},
                  {"/ports/0", "sctp * 80 80 8080"},
                  {"/ports/0", "tcp somewhere 80 80 8080"},
                  {"/ports/0", ""},
                  {"/ports/0", 80},
                  {"/addresses/0/prefix", 33},
                  {"/addresses/0/prefix", -8},
                  {"/names/0", 1},
                  {"/namespace", "/proc/1/ns/net"}},
                 parse_endpoint);
}

TEST(Records, OfAnOperationThatCannotBeAreRefused) {
  expect_refused(to_text(kPending),
                 {{"/network", ""},
                  {"/network", "."},
                  {"/network", "a/.."},
                  {"/endpoint", "../../x"},
                  {"/endpoint", "a/b@c"},
                  {"/operation", "explode"}},
                 parse_pending);
  expect_refused(to_text(kProxy), {{"/pid", 4294967297}, {"/pid", -1}, {"/pid", 0}, {"/port4", 65536}, {"/start_time", -1}},
                 parse_proxy);
}

TEST(Records, ThatAreNoneAreRefused) {
  const std::string deep(100'000, '['), deep_objects = [] {
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += "{\"a\":";
    return text;
  }();
  const std::string closed = deep + std::string(deep.size(), ']');
  for (const std::string& text : {std::string(), std::string("{"), std::string("[]"), std::string("{}"), std::string("null"),
                                  std::string("\xff"), std::string("\"\\ud800\""), std::string(1, '\0'), deep, closed,
                                  deep_objects, "{\"a\":" + closed + "}", std::string(100'000, ' ')}) {
    for (const Kind& kind : kinds()) EXPECT_FALSE(kind.parses(text)) << text.substr(0, 20);
  }
  for (const Kind& kind : kinds()) {
    for (size_t size = 0; size + 2 < kind.text.size(); ++size) {
      ASSERT_FALSE(kind.parses(std::string_view(kind.text).substr(0, size))) << "its first " << size << " bytes";
    }
    EXPECT_FALSE(kind.parses(kind.text + "x"));
  }
}

TEST(Records, SayWhatIsWrong) {
  const auto network = parse_network("{}");
  ASSERT_FALSE(network);
  EXPECT_TRUE(network.error().is(std::errc::bad_message));
  EXPECT_NE(network.error().message().find("'name'"), std::string::npos) << network.error().message();
}

TEST(Records, TakeWhateverBytesAPathHas) {
  Endpoint endpoint = sample_endpoint();
  endpoint.target.path = "/run/netns/\xff\"\\\n";
  const auto read = parse_endpoint(to_text(endpoint));
  ASSERT_TRUE(read) << "what is no UTF-8 is replaced, and the record can be read";
  EXPECT_EQ(read->target.path, "/run/netns/\xef\xbf\xbd\"\\\n");
}

}  // namespace
}  // namespace postern::bridge
