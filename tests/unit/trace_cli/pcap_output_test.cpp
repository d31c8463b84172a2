#include "pcap_output.h"

#include <gmock/gmock.h>

#include "events.h"

namespace postern::trace_cli {
namespace {

using journey::Point;
using ::testing::ElementsAreArray;

TEST(PcapOutput, ADeviceIsNamedByItsNumber) {  // LINKTYPE_LINUX_SLL2: protocol, 0, interface, ARPHRD, type, address
  journey::Event event = seen(1, Point::transmit, echo(1));
  event.device.index = 0x102;
  event.macs = journey::Macs{.source = Mac{{2, 3, 4, 5, 6, 7}}, .destination = Mac{}};
  EXPECT_THAT(sll2_header(event), ElementsAreArray({8, 0, 0, 0, 0, 0, 1, 2, 0, 1, 4, 6, 2, 3, 4, 5, 6, 7, 0, 0}));
  event = seen(1, Point::ingress, echo(1, "fd00::2", "fd00::1"));
  event.device = {.index = 1, .name = "lo", .kind = "loopback"};
  EXPECT_THAT(sll2_header(event), ElementsAreArray({0x86, 0xdd, 0, 0, 0, 0, 0, 1, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(PcapOutput, HoldsWhatDevicesSaw) {
  journey::Event event = seen(1, Point::ingress, echo(1));
  EXPECT_FALSE(is_for_capture(event)) << "there are no bytes";
  event.captured = {0x45};
  EXPECT_TRUE(is_for_capture(event));
  event.point = Point::forward;
  EXPECT_FALSE(is_for_capture(event)) << "a device saw it too";
}

}  // namespace
}  // namespace postern::trace_cli
