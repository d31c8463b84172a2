#include "probe_report.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace postern::trace_cli {
namespace {

using ::testing::HasSubstr;

std::vector<probes::Rung> rungs() {
  return {{.name = "tp_btf", .gives = "devices and drops", .works = true, .why_not = "", .needs = "CAP_BPF", .is_in_use = true},
          {.name = "kprobe", .gives = "any function", .works = false, .why_not = "attach: ENOENT", .needs = "CAP_BPF"}};
}

TEST(ProbeReport, TellsWhatWorksWhatItNeedsAndWhyNot) {
  const std::string text = probe_text(rungs(), "with eBPF");
  EXPECT_THAT(text, HasSubstr("yes  tp_btf  devices and drops\n"));
  EXPECT_THAT(text, HasSubstr("no   kprobe  any function\n             needs CAP_BPF\n             attach: ENOENT\n"));
  EXPECT_THAT(text, HasSubstr("with eBPF"));
}

TEST(ProbeReport, IsJsonToo) {
  const auto json = nlohmann::json::parse(probe_json(rungs(), "with eBPF"), nullptr, false);
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["rungs"].size(), 2U);
  EXPECT_EQ(json["rungs"][0]["works"], true);
  EXPECT_EQ(json["rungs"][1]["why_not"], "attach: ENOENT");
  EXPECT_EQ(json["rungs"][1]["used"], false);
}

}  // namespace
}  // namespace postern::trace_cli
