// bulk_test.cpp - 1 GiB down and up: long enough for sequence numbers, windows and timers to show what 50 MB do not.
//
//   POSTERN_BULK_GIB=20 lab_bulk      nothing of it is stored
#include <fmt/format.h>

#include <cstdlib>

#include "postern_test.h"

namespace postern::lab {
namespace {

using namespace std::chrono_literals;

constexpr auto kLimitPerGib = 90s;
constexpr std::string_view kPort = "9000";

class Bulk : public PosternTest {
 protected:
  static uint64_t gibibytes() {
    const char* wanted = std::getenv("POSTERN_BULK_GIB");
    return wanted ? std::max<uint64_t>(1, std::strtoull(wanted, nullptr, 10)) : 1;
  }

  enum class Way { down, up };

  /// Bytes and hash, from the end that sent and the one that received.
  void expect_whole(Way way, std::string_view address, std::string_view table) {
    const std::string bytes = std::to_string(gibibytes() << 30);
    const std::string sending = fmt::format("postern-stream {} {} --send {}", address, kPort, bytes);
    const std::string receiving = fmt::format("postern-stream {} {}", address, kPort);
    auto outside =
        remote().spawn({.argv = {"sh", "-c", fmt::format("exec {} --listen", way == Way::down ? sending : receiving)}});
    ASSERT_TRUE(outside);
    ASSERT_TRUE(wait_until([&] { return listens(remote(), outside->pid(), table, 9000); }));
    const auto start = std::chrono::steady_clock::now();
    const Outcome inside = host().run({.argv = {"sh", "-c", "exec postern run -- " + (way == Way::down ? receiving : sending)},
                                       .role = role(),
                                       .limit = gibibytes() * kLimitPerGib});
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    ASSERT_THAT(inside, Succeeds());
    EXPECT_EQ(outside->wait(), 0);
    EXPECT_THAT(inside.out, testing::StartsWith(bytes + " "));
    EXPECT_EQ(outside->out(), inside.out);
    std::printf("%s %s in %.1f s: %s", bytes.c_str(), way == Way::down ? "down" : "up", seconds.count(), inside.out.c_str());
  }
};

TEST_F(Bulk, ArrivesWholeDownOverIpv4) { expect_whole(Way::down, kRemote4, "tcp"); }
TEST_F(Bulk, ArrivesWholeUpOverIpv4) { expect_whole(Way::up, kRemote4, "tcp"); }
TEST_F(Bulk, ArrivesWholeDownOverIpv6) { expect_whole(Way::down, kRemote6, "tcp6"); }
TEST_F(Bulk, ArrivesWholeUpOverIpv6) { expect_whole(Way::up, kRemote6, "tcp6"); }

}  // namespace
}  // namespace postern::lab
