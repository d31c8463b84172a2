// page_test.cpp - the pages in a real Chromium without a network: what stands in the document is asserted through its attributes
// (src/page/README.md), and that nothing was complained of, refused or asked for outside.
//
// POSTERN_PICTURES=FOLDER keeps a picture of what each test saw last, to look at.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "postern/page/host_page.h"
#include "postern/page/journey_page.h"

#include "browser.h"
#include "journeys.h"
#include "requirement.h"

namespace postern::page {
namespace {

using nlohmann::json;
using namespace nlohmann::literals;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kNoBrowser = "no chromium in $PATH (sh contrib/install-deps.sh --all)";
constexpr int kMostNodes = 4000;  // in a document, however much it tells of

class Page : public testing::Test {
 protected:
  void SetUp() override {
    LAB_SKIP_UNLESS(!Browser::program().empty(), "chromium", kNoBrowser);
    browser_ = std::make_unique<Browser>();
  }

  void TearDown() override {
    if (!browser_) return;
    EXPECT_THAT(browser().problems(), IsEmpty());
    EXPECT_EQ(ask("document.documentElement.dataset.error || ''"), "");
    keep_picture();
  }

  Browser& browser() { return *browser_; }
  json ask(const std::string& expression) { return browser().evaluate(expression); }
  void show(const std::vector<journey::Journey>& journeys) {
    PageInfo info;
    info.title = "Journeys";
    browser().open(journey_page(journeys, info));
  }
  /// What `expression` is for each `node` that the selector finds.
  json each(const std::string& selector, const std::string& expression) {
    return ask("[...document.querySelectorAll('" + selector + "')].map((node) => " + expression + ")");
  }

 private:
  void keep_picture() {
    const char* folder = std::getenv("POSTERN_PICTURES");
    if (folder == nullptr) return;
    const std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    FILE* decoder = ::popen(("base64 -d >'" + std::string(folder) + "/" + name + ".png'").c_str(), "w");
    if (decoder == nullptr) return;
    std::fputs(browser().picture().c_str(), decoder);
    ::pclose(decoder);
  }

  std::unique_ptr<Browser> browser_;
};

class JourneyDrawing : public Page {};

// What every other test relies on to be told.
TEST(PageProblems, AnErrorARefusalAndARequestAreNoticed) {
  LAB_SKIP_UNLESS(!Browser::program().empty(), "chromium", kNoBrowser);
  Browser browser;
  const auto problems_of = [&browser](const std::string& head) {
    const size_t before = browser.problems().size();
    browser.open_without_waiting("<!DOCTYPE html>" + head);
    return browser.problems().size() - before;
  };
  EXPECT_EQ(problems_of("<title>well</title>"), 0U);
  EXPECT_GT(problems_of("<script>throw new Error('late')</script>"), 0U);
  EXPECT_GT(problems_of("<script>console.error('so')</script>"), 0U);
  EXPECT_GT(problems_of("<meta http-equiv=Content-Security-Policy content=\"script-src 'none'\"><script>1</script>"), 0U);
  EXPECT_GT(problems_of("<img src=http://192.0.2.1/x>"), 0U);
}

TEST_F(JourneyDrawing, FortyPointsStandInOrderInFiveLanes) {
  const auto journeys = long_journey();
  ASSERT_EQ(journeys[0].hops.size(), 40U);
  show(journeys);
  EXPECT_EQ(each("[data-lane]", "node.dataset.laneName"), json(kWay));
  const json points = each("[data-part=request] [data-hop]", "[+node.dataset.order, node.dataset.point, +node.dataset.inLane]");
  ASSERT_EQ(points.size(), 40U);
  for (size_t at = 0; at < 40; ++at) {
    EXPECT_EQ(points[at], json::array({at, std::string(name(journeys[0].hops[at].event.point)), at / 8}));
  }
  EXPECT_EQ(each("[data-part=request] [data-way]", "node.dataset.way"),
            R"(["0-0","0-1","1-1","1-2","2-2","2-3","3-3","3-4","4-4"])"_json);
  // Each is seen below the one before, and in its lane.
  EXPECT_EQ(ask(R"(
    [...document.querySelectorAll('[data-part=request] [data-hop]')].every((node, at, all) => {
      const box = node.getBoundingClientRect();
      const lane = document.querySelector(`[data-lane="${node.dataset.inLane}"]`).getBoundingClientRect();
      return box.height > 10 && box.left >= lane.left && box.right <= lane.right + 1 &&
        (!at || box.top >= all[at - 1].getBoundingClientRect().bottom - 1);
    }))"),
            true);
}

TEST_F(JourneyDrawing, TheAnswerFollowsItsRequestInTheSameLanes) {
  show(long_journey());
  EXPECT_EQ(each("[data-entry]", "node.dataset.entry"), R"(["0"])"_json);
  EXPECT_EQ(each("[data-part]", "[node.dataset.part, +node.dataset.journey]"), R"([["request",0],["answer",1]])"_json);
  EXPECT_EQ(each("[data-part=answer] [data-hop]", "+node.dataset.inLane"), "[4,3,2,1,0]"_json);
}

TEST_F(JourneyDrawing, ATranslationShowsBeforeAndAfter) {
  show(long_journey());
  EXPECT_EQ(each("[data-nat]", "[node.dataset.nat, node.closest('[data-hop]').dataset.order]"), R"([["source","13"]])"_json);
  EXPECT_THAT(ask("document.querySelector('[data-nat]').innerText.replace(/\\s+/g, ' ')").get<std::string>(),
              HasSubstr("10.77.0.2 → 192.0.2.1"));
}

TEST_F(JourneyDrawing, TextCanBeSelected) {
  show(long_journey());
  EXPECT_EQ(ask("[...document.querySelectorAll('#drawing *')].every((node) => getComputedStyle(node).userSelect !== 'none')"),
            true);
  const std::string selected =
      ask("getSelection().selectAllChildren(document.querySelector('#drawing')), String(getSelection())");
  for (const char* text : {"10.77.0.2", "postrouting", "after SNAT", "router", "out0"}) EXPECT_THAT(selected, HasSubstr(text));
}

TEST_F(JourneyDrawing, ADropNamesReasonPlaceAndRuleAndHostileTextStaysText) {
  show({dropped_journey()});
  EXPECT_EQ(each("[data-drop]", "node.dataset.drop"), R"(["NETFILTER_DROP"])"_json);
  EXPECT_THAT(ask("document.querySelector('[data-drop]').innerText").get<std::string>(), HasSubstr("nft_do_chain"));
  EXPECT_THAT(ask("document.querySelector('[data-point=rule]').innerText").get<std::string>(), HasSubstr(kHostile));
  EXPECT_EQ(each("[data-lane]", "node.dataset.laneName"), json::array({kHostile}));
  EXPECT_EQ(ask("document.images.length + document.scripts.length - 2"), 0);  // the data and the script
  EXPECT_EQ(ask("typeof window.hostile"), "undefined");
}

TEST_F(JourneyDrawing, OurOwnStackIsABoxOfItsOwnWithTheMapping) {
  show({own_stack_journey()});
  EXPECT_EQ(each("[data-device]", "node.dataset.device"), R"(["tap0","Postern"])"_json);
  EXPECT_EQ(each("[data-device=tap0] [data-hop]", "node.dataset.point"), R"(["transmit","tap_in"])"_json);
  EXPECT_EQ(each("[data-device=Postern] [data-hop]", "node.dataset.point"), R"(["engine","host_socket"])"_json);
  const std::string text = ask("document.querySelector('[data-point=host_socket]').innerText.replace(/\\s+/g, ' ')");
  EXPECT_THAT(text, HasSubstr("192.0.2.1:41822 ⇄ 192.0.2.3:443"));
  EXPECT_THAT(text, HasSubstr("10.77.0.2:51112 → 192.0.2.1:41822"));
}

TEST_F(JourneyDrawing, TheKeyboardReachesEveryPointAndItsDetails) {
  show(long_journey());
  ask("document.querySelector('[data-hop]').focus()");
  browser().press("ArrowDown");
  EXPECT_EQ(ask("document.activeElement.dataset.order"), "1");
  EXPECT_THAT(ask("document.querySelector('#detail').innerText").get<std::string>(), HasSubstr("2. prerouting"));
  browser().press("End");
  EXPECT_EQ(ask("document.activeElement.closest('[data-part]').dataset.part"), "answer");
  ask("document.querySelector('#list').focus()");
  browser().press("/");
  EXPECT_EQ(ask("document.activeElement.id"), "search");
}

TEST_F(JourneyDrawing, TheSearchFindsJourneysByAnyWord) {
  auto journeys = long_journey();
  journeys.push_back(dropped_journey());
  journeys.push_back(own_stack_journey());
  show(journeys);
  const auto search = [this](const std::string& words) {
    ask("((field) => { field.value = '" + words +
        "'; field.dispatchEvent(new Event('input')); })(document.querySelector('#search'))");
    return each("[data-entry]", "+node.dataset.entry");
  };
  EXPECT_EQ(search(""), "[0,2,3]"_json);
  EXPECT_EQ(search("netfilter_drop"), "[2]"_json);
  EXPECT_EQ(search("41822 FAST"), "[3]"_json);
  EXPECT_EQ(search("nowhere"), json::array());
  browser().press("Escape");
}

// That it takes less than 2 s is for who reads the output to judge: machines differ. That the document does not grow is why.
TEST_F(JourneyDrawing, TenThousandEventsDoNotMakeABigDocument) {
  show(many_journeys(2500, 4));
  std::printf("10000 events in 2500 journeys: drawn in %s ms, %s nodes\n",
              ask("document.documentElement.dataset.renderedMs").get<std::string>().c_str(),
              ask("document.documentElement.dataset.nodes").get<std::string>().c_str());
  EXPECT_LT(ask("document.getElementsByTagName('*').length"), kMostNodes);
  EXPECT_EQ(ask("document.querySelector('#count').textContent"), "2500 journeys");
  ask("document.querySelector('#list').focus()");
  browser().press("End");
  EXPECT_EQ(ask("document.querySelector('[data-part]').dataset.journey"), "2499");
  EXPECT_EQ(ask("document.querySelector('[data-entry][aria-selected=true]').dataset.entry"), "2499");
  EXPECT_LT(ask("document.getElementsByTagName('*').length"), kMostNodes);
}

TEST_F(JourneyDrawing, OneJourneyOfTenThousandEventsIsDrawnInParts) {
  show(many_journeys(1, 10'000));
  std::printf("10000 events in 1 journey: drawn in %s ms, %s nodes\n",
              ask("document.documentElement.dataset.renderedMs").get<std::string>().c_str(),
              ask("document.documentElement.dataset.nodes").get<std::string>().c_str());
  EXPECT_LT(ask("document.getElementsByTagName('*').length"), 2 * kMostNodes);
  const int drawn = ask("document.querySelectorAll('[data-hop]').length");
  ask("document.querySelector('button.more').click()");
  EXPECT_EQ(ask("document.querySelectorAll('[data-hop]').length"), 2 * drawn);
}

TEST_F(JourneyDrawing, IsDarkForWhoPrefersDarkAndLightOnPaper) {
  show(long_journey());
  const auto background = [this](const std::string& medium, const std::string& scheme) {
    browser().call("Emulation.setEmulatedMedia",
                   {{"media", medium}, {"features", {{{"name", "prefers-color-scheme"}, {"value", scheme}}}}});
    return ask("getComputedStyle(document.body).backgroundColor");
  };
  EXPECT_NE(background("screen", "dark"), background("screen", "light"));
  EXPECT_EQ(background("print", "dark"), "rgb(255, 255, 255)");
  EXPECT_EQ(ask("getComputedStyle(document.querySelector('.choice')).display"), "none");
  background("screen", "light");
}

TEST_F(JourneyDrawing, CanBeReadWithoutJavaScript) {
  browser().call("Emulation.setScriptExecutionDisabled", {{"value", true}});
  browser().open_without_waiting(journey_page(long_journey(), {}));
  const std::string text = ask("document.body.innerText");
  EXPECT_THAT(text, HasSubstr("JavaScript"));
  EXPECT_THAT(text, HasSubstr("10.77.0.2"));
  EXPECT_THAT(text, HasSubstr("router"));
}

TEST_F(JourneyDrawing, NothingSeenIsSaid) {
  show({});
  EXPECT_THAT(ask("document.body.innerText").get<std::string>(), HasSubstr("Nothing was seen"));
}

class HostDrawing : public Page {};

TEST_F(HostDrawing, NamespacesStandInColumnsByTheirDistanceFromTheHost) {
  browser().open(host_page(small_host()));
  EXPECT_EQ(each("section[data-netns]", "node.dataset.name"), json::array({"host", "web0", kHostile, "run", "alone"}));
  const json left = each("section[data-netns]", "Math.round(node.getBoundingClientRect().left)");
  EXPECT_LT(left[0], left[1]);
  EXPECT_EQ(left[1], left[2]);
  EXPECT_EQ(left[1], left[3]);
}

TEST_F(HostDrawing, WiresJoinTheDevicesTheyName) {
  browser().open(host_page(small_host()));
  EXPECT_EQ(each("[data-wire]", "[node.dataset.wire, node.dataset.from, node.dataset.to]"),
            R"([["veth","1:5","10:2"],["veth","1:6","11:2"],["tap","12:2","program:1:4711"]])"_json);
  // The first curve begins at the right edge of vc0 and ends at the left edge of web0's eth0.
  EXPECT_EQ(ask(R"((() => {
    const path = document.querySelector('[data-wire]');
    const origin = document.querySelector('svg').getBoundingClientRect();
    const [p, q] = [path.getPointAtLength(0), path.getPointAtLength(path.getTotalLength())];
    const box = (netns, device) =>
      document.querySelector(`[data-device="${device}"][data-netns="${netns}"]`).getBoundingClientRect();
    const [from, to] = [box(1, 5), box(10, 2)];
    const within = (y, edge) => y + origin.top > edge.top && y + origin.top < edge.bottom;
    return Math.abs(p.x + origin.left - from.right) < 1 && within(p.y, from) && Math.abs(q.x + origin.left - to.left) < 1 &&
      within(q.y, to);
  })())"),
            true);
}

TEST_F(HostDrawing, PortsStandBehindTheirBridgeAndDetailsAreText) {
  browser().open(host_page(small_host()));
  EXPECT_EQ(each("[data-netns=\"1\"][data-device]", "node.querySelector(\".name\").textContent"),
            R"(["br0","vc0","vc1","lo"])"_json);
  ask("document.querySelector('[data-item]').focus()");
  EXPECT_THAT(ask("document.querySelector('#detail').innerText").get<std::string>(), HasSubstr(kHostile));
  browser().press("ArrowDown");
  EXPECT_THAT(ask("document.querySelector('#detail').innerText").get<std::string>(), HasSubstr("10.77.0.1/24"));
  EXPECT_EQ(ask("document.images.length"), 0);
  EXPECT_EQ(ask("typeof window.hostile"), "undefined");
}

}  // namespace
}  // namespace postern::page
