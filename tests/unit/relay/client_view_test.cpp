#include "client_view.h"

#include <gtest/gtest.h>

namespace postern::relay {
namespace {

std::string seen(const char* client, const char* guest) {
  return to_string(stand_in_for(*parse_ip(client), *parse_ip(guest), stack::AddressPlan()).value_or(*parse_ip(client)));
}

TEST(ClientView, RemoteClientsAreSeenAsTheyAre) {
  EXPECT_EQ(seen("192.0.2.2", "10.0.2.100"), "192.0.2.2");
  EXPECT_EQ(seen("10.0.3.1", "10.0.2.100"), "10.0.3.1");
  EXPECT_EQ(seen("2001:db8::2", "fd00::64"), "2001:db8::2");
  EXPECT_EQ(seen("fd00:0:0:1::2", "fd00::64"), "fd00:0:0:1::2");
}

TEST(ClientView, WhoseAddressMeansSomethingElseInsideIsSeenAsTheGateway) {
  for (const char* client : {"127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.2.100", "10.0.2.2", "10.0.2.77"}) {
    EXPECT_EQ(seen(client, "10.0.2.100"), "10.0.2.2") << client;
  }
  for (const char* client : {"::1", "::", "fd00::64", "fd00::3", "fd00::1:2:3:4", "fe80::1"}) {
    EXPECT_EQ(seen(client, "fd00::64"), "fd00::2") << client;
  }
}

TEST(ClientView, AGuestIsNotSeenByItself) { EXPECT_EQ(seen("192.168.7.7", "192.168.7.7"), "10.0.2.2"); }

}  // namespace
}  // namespace postern::relay
