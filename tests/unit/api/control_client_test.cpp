#include "postern/api/control_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::api {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ControlClient, FindsTheListenersOfItsOwnUser) {
  constexpr std::string_view kTable =
      "Num       RefCount Protocol Flags    Type St Inode Path\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 11111 @postern/1000/42\n"
      "0000000000000000: 00000003 00000000 00000000 0001 03 11112 @postern/1000/42\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 11113 @postern/1000/7\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 11114 @postern/10001/8\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 11115 @postern/1000/9x\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 11116 postern/1000/10\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 11117 /run/x\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 11118\n";
  EXPECT_THAT(find_instances(kTable, 1000), ElementsAre(7, 42));
  EXPECT_THAT(find_instances(kTable, 10001), ElementsAre(8));
  EXPECT_THAT(find_instances(kTable, 0), IsEmpty());
  EXPECT_THAT(find_instances("", 0), IsEmpty());
}

TEST(ControlClient, FindsTheNamesOfAllUsers) {
  constexpr std::string_view kTable =
      "Num       RefCount Protocol Flags    Type St Inode Path\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 11111 @postern/1000/42\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 11113 @postern/1000/7\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 11114 @postern/0/8\n"
      "0000000000000000: 00000003 00000000 00000000 0001 03 11115 @postern/1001/9\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 11116 @postern/x/9\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 11117 @postern/1002/\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 11118 @postern/0/8\n";
  EXPECT_THAT(find_instance_names(kTable), ElementsAre(InstanceName{0, 8}, InstanceName{1000, 7}, InstanceName{1000, 42}));
}

}  // namespace
}  // namespace postern::api
