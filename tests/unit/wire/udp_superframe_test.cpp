#include "postern/wire/udp_superframe.h"

#include <gtest/gtest.h>

#include "frame_builder.h"

namespace postern::wire::test {
namespace {

constexpr Ends kV4{"192.0.2.1", "10.0.2.100"}, kV6{"2001:db8::1", "fd00::64"};

class UdpSuperframeOfEitherFamily : public ::testing::TestWithParam<Ends> {
 protected:
  Frame headers(size_t payload_bytes, size_t segment_bytes) const {
    const UdpFrame frame{.destination_mac = kGatewayMac,  // as frame_builder.h has them
                         .source_mac = kGuestMac,
                         .source = GetParam().from(),
                         .destination = GetParam().to(),
                         .source_port = {443},
                         .destination_port = {50'000}};
    Frame room(kMaxUdpFrameHeaders, 0xee);
    room.resize(store_udp_superframe(room, frame, payload_bytes, segment_bytes));
    return room;
  }
  size_t udp_start() const { return GetParam().is_v4() ? 34u : 54u; }
};
INSTANTIATE_TEST_SUITE_P(, UdpSuperframeOfEitherFamily, ::testing::Values(kV4, kV6),
                         [](const auto& ends) { return ends.param.is_v4() ? "v4" : "v6"; });

TEST_P(UdpSuperframeOfEitherFamily, TellsTheSizeOfItsDatagrams) {
  const Frame written = headers(14'000, 1'400);
  const auto vnet = VnetHeader::parse(written);
  ASSERT_TRUE(vnet);
  EXPECT_TRUE(vnet->needs_checksum);
  EXPECT_EQ(vnet->gso, VnetHeader::Gso::udp);
  EXPECT_EQ(vnet->segment_bytes, 1'400);
  EXPECT_EQ(vnet->header_bytes, udp_start() + 8);
  EXPECT_EQ(vnet->checksum_start, udp_start());
  EXPECT_EQ(vnet->checksum_offset, 6);
  EXPECT_EQ(written.size(), 10 + udp_start() + 8);
}

TEST_P(UdpSuperframeOfEitherFamily, IsAFrameThatTheKernelHasOnlyToSum) {
  Frame written = headers(14'000, 1'400);
  append(written, Frame(14'000, 0x42));
  Frame frame = slice(written, 10, written.size());
  complete_checksum(frame);
  EXPECT_EQ(frame, udp_frame(GetParam(), {.source = 443, .destination = 50'000, .payload = Frame(14'000, 0x42)},
                             {.id = 0, .fragment = 0x4000}));
}

TEST_P(UdpSuperframeOfEitherFamily, OneDatagramIsNone) {
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{1'400}}) {
    EXPECT_EQ(VnetHeader::parse(headers(bytes, 1'400))->gso, VnetHeader::Gso::none) << bytes;
  }
}

}  // namespace
}  // namespace postern::wire::test
