// grants_test.cpp - where the namespace sends more than is carried, a few connections at a time may.
#include "grants.h"

#include <array>
#include <utility>

#include "engine_script.h"

namespace postern::flow {
namespace {

using namespace std::chrono_literals;

/// Connections, whose bursts the loop's turn cuts off: there is always more behind.
class GrantsTest : public OneConnection {
 protected:
  static constexpr uint32_t kMostInAFrame = 60'000;
  static constexpr uint32_t kOnce = 2 * kMostInAFrame;  // of each, in a burst
  static constexpr int kBurstsInARound = 100;

  GrantsTest() : senders_{Sender(&first()), Sender(&another()), Sender(&another()), Sender(&another())} {
    for (Sender& sender : senders_) {
      establish(*sender.ends, {});
      sender.ends->guest.sends(1);  // what is acknowledged first has the window's scale
      sender.listen();
    }
  }
  struct Sender {
    explicit Sender(Ends* e) : ends(e) {}
    Ends* ends;
    uint32_t edge = 0;  // of the window, by the script's numbers
    uint64_t sent = 0;

    void listen() {
      while (!ends->guest.hears().empty()) {
        edge = ends->guest.last().frame.acknowledgment - ScriptGuest::kInitial + ends->guest.told_window();
      }
    }
    uint32_t window() const { return edge - ends->guest.next(); }
    /// As much as it may.
    void send() {
      for (uint32_t left = kOnce; left != 0 && window() != 0;) {
        const uint32_t bytes = std::min({window(), left, kMostInAFrame});
        ends->guest.sends(bytes);
        sent += bytes;
        left -= bytes;
      }
    }
  };
  /// Those of the first `count` send; how many of them could.
  int burst_of(size_t count) {
    int could = 0;
    wait(FairShare::kRound / kBurstsInARound);
    burst_cut_off([&] {
      for (size_t i = 0; i < count; ++i) {
        const uint64_t before = senders_[i].sent;
        senders_[i].send();
        could += senders_[i].sent != before;
      }
    });
    for (Sender& sender : senders_) sender.listen();
    return could;
  }
  void burst_for(int rounds) {
    for (int i = 0; i < rounds * kBurstsInARound; ++i) burst_of(3);
  }
  /// That one has just used up what it was promised.
  Sender& burst_until_one_is_held() {
    burst_for(2);
    for (int i = 0; i < 2 * kBurstsInARound; ++i) {
      std::array<uint32_t, 4> windows{};
      for (size_t n = 0; n < 4; ++n) windows[n] = senders_[n].window();
      burst_of(3);
      for (size_t n = 0; n < 4; ++n) {
        if (windows[n] != 0 && senders_[n].window() == 0) return senders_[n];
      }
    }
    ADD_FAILURE() << "nobody is ever held";
    return senders_[0];
  }

  std::array<Sender, 4> senders_;
};

TEST_F(GrantsTest, WhoSendsAloneIsNeverHeld) {
  for (int i = 0; i < 100; ++i) ASSERT_EQ(burst_of(1), 1);
  EXPECT_EQ(senders_[0].sent, 100U * kOnce);
}

TEST_F(GrantsTest, OfSeveralOneAtATimeSendsAndAllInTurn) {
  constexpr int kBursts = 6 * kBurstsInARound;
  burst_for(2);  // rounds, and it is known what a round carries
  for (Sender& sender : senders_) sender.sent = 0;
  int together = 0;
  uint64_t all = 0;
  for (int i = 0; i < kBursts; ++i) together += burst_of(3) > 1;
  for (const Sender& sender : senders_) all += sender.sent;  // but for the fourth, which has nothing to say
  EXPECT_LT(together, kBursts * 3 / 4) << "what was promised before is still taken of who is held: a third of a share";
  for (size_t i = 0; i < 3; ++i)
    EXPECT_NEAR(static_cast<double>(senders_[i].sent), static_cast<double>(all) / 3, static_cast<double>(all) / 10);
}

TEST_F(GrantsTest, WhereNothingIsLeftToCarryAllAreGranted) {
  burst_until_one_is_held();
  EXPECT_TRUE(engine().has_work()) << "the loop must not sleep while somebody is held";
  for (int i = 0; i < 3; ++i) engine().run(now());
  EXPECT_FALSE(engine().has_work());
  for (Sender& sender : senders_) {
    sender.listen();
    EXPECT_GE(sender.window(), kOnce);
  }
}

TEST_F(GrantsTest, NobodyIsHeldForLongWhateverElseGoesOn) {
  Sender& held = burst_until_one_is_held();
  Sender& other = senders_[3];
  const auto others_keep_us_busy = [&] {
    burst_cut_off([&] {
      for (int i = 0; i < 2; ++i) other.ends->guest.sends(Grants::kLittle / 2);
    });
    other.listen();
    held.listen();
  };
  for (Duration waited{}; waited + Grants::kLongest / 4 < Grants::kLongest; waited += Grants::kLongest / 4) {
    others_keep_us_busy();
    EXPECT_EQ(held.window(), 0U);
    wait(Grants::kLongest / 4);
    held.listen();
    EXPECT_EQ(held.window(), 0U);
  }
  wait(Grants::kLongest / 4);
  others_keep_us_busy();
  EXPECT_GE(held.window(), kOnce);
}

TEST_F(GrantsTest, WhoSendsLittleDoesNotSlowDownWhoSendsMuch) {
  burst_for(2);
  senders_[0].sent = 0;
  for (int i = 0; i < 2 * kBurstsInARound; ++i) {
    wait(FairShare::kRound / kBurstsInARound);
    burst_cut_off([&] {
      senders_[0].send();
      senders_[1].ends->guest.sends(1);
    });
    for (Sender& sender : senders_) sender.listen();
  }
  EXPECT_GT(senders_[0].sent, uint64_t{19} * kBurstsInARound / 10 * kOnce);
}

TEST_F(GrantsTest, WhereOthersThanConnectionsKeepUsBusyAllAreGranted) {
  Sender& held = burst_until_one_is_held();
  for (size_t i = 0; i < senders_.size(); ++i) burst_cut_off([] {});
  held.listen();
  EXPECT_GE(held.window(), kOnce);
}

TEST_F(GrantsTest, WhoEndsWhileItIsHeldIsForgotten) {
  burst_until_one_is_held();
  for (Sender& sender : senders_) sender.ends->guest.rst();
  EXPECT_FALSE(engine().has_work());
  EXPECT_EQ(engine().open_flows(), 0U);
}

}  // namespace
}  // namespace postern::flow
