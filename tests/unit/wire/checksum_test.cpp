#include "postern/wire/checksum.h"

#include <gtest/gtest.h>

#include <random>

#include "frame_builder.h"

namespace postern::wire {
namespace {

using test::Frame;

Frame random_bytes(std::mt19937& random, size_t length) {
  Frame bytes(length);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

TEST(Checksum, GivesTheExampleOfRfc1071) {
  const Frame bytes = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(finish(sum(bytes)), static_cast<uint16_t>(~0xddf2));
}

TEST(Checksum, AgreesWithRfc1071WordByWordAtAnyLengthAndAlignment) {
  std::mt19937 random(1071);
  const Frame bytes = random_bytes(random, 4'200);
  for (const size_t length : std::initializer_list<size_t>{0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 1460, 4'096}) {
    for (size_t begin = 0; begin < 9; ++begin) {
      const Bytes part = Bytes(bytes).subspan(begin, length);
      EXPECT_EQ(finish(sum(part)), test::reference_checksum(Frame(part.begin(), part.end()))) << length << " at " << begin;
    }
  }
}

TEST(Checksum, CarriesAreNotLostInALongRunOfOnes) {
  const Frame ones(65'535, 0xff);
  EXPECT_EQ(finish(sum(ones)), test::reference_checksum(ones));
}

TEST(Checksum, PartsAddUpToTheWhole) {
  std::mt19937 random(1);
  const Frame bytes = random_bytes(random, 101);
  EXPECT_EQ(finish(sum(Bytes(bytes).subspan(40), sum(Bytes(bytes).first(40)))), finish(sum(bytes)));
}

TEST(Checksum, PseudoHeaderIsThatOfBothFamilies) {
  for (const test::Ends& ends : {test::Ends{"10.0.2.100", "192.0.2.1"}, test::Ends{"fd00::64", "2001:db8::1"}}) {
    const Frame datagram = udp_datagram(ends, {.payload = {1, 2, 3}});
    const uint64_t pseudo = pseudo_header(ends.from(), ends.to(), Protocol::udp, datagram.size());
    EXPECT_EQ(finish(sum(datagram, pseudo)), 0);
  }
}

TEST(Checksum, UpdatedEqualsAFullRecomputation) {
  std::mt19937 random(1624);
  for (int round = 0; round < 20'000; ++round) {
    Frame bytes = random_bytes(random, 20 + random() % 40);
    const size_t at = random() % (bytes.size() / 2) * 2;
    if (at + 1 >= bytes.size()) continue;
    const uint16_t before = load16(bytes, at);
    const auto after = static_cast<uint16_t>(round % 7 == 0 ? 0 : round % 7 == 1 ? 0xffff : random());
    const uint16_t mended = updated(test::reference_checksum(bytes), before, after);
    store16(bytes, at, after);
    EXPECT_EQ(mended, test::reference_checksum(bytes)) << "round " << round;
  }
}

TEST(Checksum, UpdatedGivesTheExampleOfRfc1624) { EXPECT_EQ(updated(0xdd2f, 0x5555, 0x3285), 0x0000); }

}  // namespace
}  // namespace postern::wire
