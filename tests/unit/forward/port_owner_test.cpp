#include "port_owner.h"

#include <gtest/gtest.h>

namespace postern::forward {
namespace {

constexpr const char* kTcp =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   0: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 111 1 0000 20 4 30 10 -1\n"
    "   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 222 1 0000 100 0 0 10 0\n";
constexpr const char* kUdp6 =
    "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt "
    "  uid\n"
    "  7: 00000000000000000000000000000000:14E9 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000  "
    " "
    "108        0 333 2 0000 0\n";

TEST(PortOwner, OnlyAListenerOwnsATcpPort) {
  const auto entry = find_socket(kTcp, stack::Protocol::tcp, Port{8080});
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->inode, 222u);
  EXPECT_EQ(entry->uid, 1001u);
}

TEST(PortOwner, ABoundUdpSocketOwnsItsPort) { EXPECT_EQ(find_socket(kUdp6, stack::Protocol::udp, Port{5353})->inode, 333u); }

TEST(PortOwner, AFreePortHasNone) {
  EXPECT_FALSE(find_socket(kTcp, stack::Protocol::tcp, Port{80}));
  EXPECT_FALSE(find_socket("", stack::Protocol::tcp, Port{80}));
}

}  // namespace
}  // namespace postern::forward
