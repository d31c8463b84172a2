#include "answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "example_view.h"

namespace postern::inspect {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

std::string all_but_rules() {
  Inside inside{.view = example_view(), .listener_inodes = {7, 8}};
  inside.view.chains.clear();
  inside.view.chains_left_off = 0;
  return tell(std::move(inside));
}

std::string rules() {
  NamespaceView view;
  view.chains = example_view().chains;
  view.chains_left_off = 2;
  view.unread = {"tables of iptables-legacy"};
  return tell_rules(view);
}

TEST(Answer, BothPartsBecomeOneView) {
  const auto inside = understand({.brought = all_but_rules() + rules()}, {}, Depth::whole);
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->view.devices.size(), example_view().devices.size());
  EXPECT_EQ(inside->view.chains.size(), example_view().chains.size());
  EXPECT_EQ(inside->view.chains_left_off, 2u);
  EXPECT_EQ(inside->listener_inodes, (std::vector<uint64_t>{7, 8}));
  EXPECT_THAT(inside->view.unread, Contains("tables of iptables-legacy"));
}

TEST(Answer, ARulesetThatTakesTooMuchCostsNoMoreThanItself) {
  for (const std::string& bytes : {all_but_rules(), all_but_rules() + rules().substr(0, 20)}) {
    const auto late = understand({.brought = bytes, .ending = Errand::Ending::late}, {}, Depth::whole);
    ASSERT_TRUE(late);
    EXPECT_EQ(late->view.routes.size(), example_view().routes.size());
    EXPECT_TRUE(late->view.chains.empty());
    EXPECT_THAT(late->view.unread, Contains("rules of nftables: too many to list within 5s"));
    const auto died = understand({.brought = bytes, .ending = Errand::Ending::died}, {}, Depth::whole);
    ASSERT_TRUE(died);
    EXPECT_THAT(died->view.unread, Contains("rules of nftables: too many to list in 512 MiB"));
  }
}

TEST(Answer, RulesThatWereNotAskedForAreNotMissed) {
  const auto inside = understand({.brought = all_but_rules()}, {}, Depth::devices);
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->view.unread, example_view().unread);
}

TEST(Answer, NoneSaysWhy) {
  const auto late = understand({.brought = "", .ending = Errand::Ending::late}, {}, Depth::whole);
  ASSERT_FALSE(late);
  EXPECT_THAT(late.error().message(), HasSubstr("did not answer within 5s"));
  const auto refused = understand({.brought = tell(fail(std::errc::operation_not_permitted, "enter"))}, {}, Depth::whole);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(std::errc::operation_not_permitted));
  EXPECT_EQ(refused.error().context, "enter");
}

}  // namespace
}  // namespace postern::inspect
