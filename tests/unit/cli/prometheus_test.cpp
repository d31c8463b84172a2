// prometheus_test.cpp - the page is read by a strict parser of the text exposition format 0.0.4, for promtool(1) is not
// everywhere.
#include "prometheus.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>

namespace postern::cli {
namespace {

using testing::HasSubstr;

struct Page {
  std::map<std::string, std::string> types;  // by name
  std::map<std::string, std::string> help;
  std::map<std::string, double> series;  // by name and labels, as written but unescaped
  std::string wrong;                     // the first line that is not as it must be
};

/// At `text`, behind the brace: name="value",... up to "}". False: it is none. What is read is in `shown`.
bool read_labels(std::string_view& text, std::string& shown) {
  static const std::regex kName("[a-zA-Z_][a-zA-Z0-9_]*");
  std::set<std::string> seen;
  while (!text.starts_with('}')) {
    const size_t equals = text.find("=\"");
    if (equals == text.npos) return false;
    const std::string name(text.substr(0, equals));
    if (!std::regex_match(name, kName) || !seen.insert(name).second) return false;
    text.remove_prefix(equals + 2);
    std::string value;
    for (; !text.empty() && text.front() != '"'; text.remove_prefix(1)) {
      if (text.front() == '\\') {
        text.remove_prefix(1);
        if (text.empty() || std::string_view("\\\"n").find(text.front()) == text.npos) return false;
        value += text.front() == 'n' ? '\n' : text.front();
      } else {
        value += text.front();
      }
    }
    if (text.empty()) return false;
    text.remove_prefix(1);
    shown += fmt::format("{}{}={}", shown.empty() ? "" : ",", name, value);
    if (text.starts_with(','))
      text.remove_prefix(1);
    else if (!text.starts_with('}'))
      return false;
  }
  text.remove_prefix(1);
  return true;
}

class Reader {
 public:
  static Page read(std::string_view text) {
    Reader reader;
    if (!text.ends_with('\n')) reader.page_.wrong = "the last line does not end";
    while (!text.empty() && reader.page_.wrong.empty()) {
      const size_t end = text.find('\n');
      const std::string line(text.substr(0, end));
      text.remove_prefix(end + 1);
      if (!reader.take(line)) reader.page_.wrong = line;
    }
    return reader.page_;
  }

 private:
  bool take(const std::string& line) {
    static const std::regex kHelp("# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)");
    static const std::regex kType("# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)");
    std::smatch found;
    if (std::regex_match(line, found, kHelp)) return begin(found[1]) && page_.help.emplace(found[1], found[2]).second;
    if (std::regex_match(line, found, kType)) return begin(found[1]) && page_.types.emplace(found[1], found[2]).second;
    return take_series(line);
  }

  /// All lines of one name stand together, those that tell of it first.
  bool begin(const std::string& name) {
    if (name == current_ && !has_series_) return true;
    if (!begun_.insert(name).second) return false;
    current_ = name;
    has_series_ = false;
    return true;
  }

  bool take_series(std::string_view line) {
    static const std::regex kName("[a-zA-Z_:][a-zA-Z0-9_:]*");
    static const std::regex kValue(R"([+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?)");
    const size_t end = line.find_first_of("{ ");
    if (end == line.npos) return false;
    const std::string name(line.substr(0, end));
    line.remove_prefix(end);
    std::string labels;
    if (line.starts_with('{')) {
      line.remove_prefix(1);
      if (!read_labels(line, labels)) return false;
    }
    if (!line.starts_with(' ')) return false;
    const std::string value(line.substr(1));
    has_series_ = true;
    return std::regex_match(name, kName) && name == current_ && page_.types.contains(name) && std::regex_match(value, kValue) &&
           page_.series.emplace(name + "{" + labels + "}", std::stod(value)).second;
  }

  Page page_;
  std::string current_;
  bool has_series_ = false;
  std::set<std::string> begun_;
};

constexpr const char* kStatus = R"({"return":{"version":"1.0","pid":4711,"engine":"fast, with libslirp 4.7.0","uptime_seconds":60,
  "flows":{"open":3,"limit":1024},"forwards":2}})";
constexpr const char* kCounters = R"({"return":{"frames_from_guest":18446744073709551615,"frames_to_guest":4,"writes_lost":0,
  "drops":{"martian_source":5,"malformed":0},
  "fast_tcp":{"opened":1,"refused":0,"arrived":0,"turned_away":0,"resets_to_guest":1,"resets_from_guest":2,"sent_again":0,"timeouts":0,
    "out_of_order":0,"bytes_to_host":10,"bytes_to_guest":20,"dropped_at_limit":0},
  "fast_datagrams":{"opened":1,"to_host":2,"to_guest":3,"bytes_to_host":4,"bytes_to_guest":5,"from_the_future":9},
  "dns":{"queries":7,"answered":5,"answered_here":1}}})";

TEST(Prometheus, ThePageKeepsToTheFormat) {
  const auto text = status_prometheus(kStatus, kCounters);
  ASSERT_TRUE(text);
  const Page page = Reader::read(*text);
  EXPECT_EQ(page.wrong, "");
  const std::string own = "pid=4711,engine=fast";
  EXPECT_EQ(page.series.at("postern_drops_total{" + own + ",reason=martian_source}"), 5);
  EXPECT_EQ(page.series.at("postern_drops_total{" + own + ",reason=malformed}"), 0) << "a counter begins at 0";
  EXPECT_EQ(page.series.at("postern_flows{" + own + "}"), 3);
  EXPECT_EQ(page.series.at("postern_published_ports{" + own + "}"), 2);
  EXPECT_EQ(page.series.at("postern_tcp_bytes_total{" + own + ",direction=to_host}"), 10);
  EXPECT_EQ(page.series.at("postern_tcp_bytes_total{" + own + ",direction=to_guest}"), 20);
  EXPECT_EQ(page.series.at("postern_tcp_resets_total{" + own + ",direction=from_guest}"), 2);
  EXPECT_EQ(page.series.at("postern_info{" + own + ",version=1.0,engines=fast, with libslirp 4.7.0}"), 1);
  EXPECT_THAT(*text, HasSubstr(" 18446744073709551615\n"));
  EXPECT_EQ(text->find("from_the_future"), text->npos);
}

TEST(Prometheus, EveryNameHasHelpAndATypeAndCountersSaySo) {
  const Page page = Reader::read(status_prometheus(kStatus, kCounters).value());
  for (const auto& [name, type] : page.types) {
    EXPECT_TRUE(page.help.contains(name)) << name;
    EXPECT_TRUE(name.starts_with("postern_")) << name;
    EXPECT_EQ(name.ends_with("_total"), type == "counter") << name;
  }
  EXPECT_GE(page.types.size(), 20u);
}

TEST(Prometheus, LibslirpAloneHasFewer) {
  const auto text = status_prometheus(
      R"({"return":{"version":"1","pid":1,"engine":"libslirp 4.7.0","uptime_seconds":0,"flows":{"open":0,"limit":1},"forwards":0}})",
      R"({"return":{"frames_from_guest":1,"frames_to_guest":2,"drops":{}}})");
  ASSERT_TRUE(text);
  const Page page = Reader::read(*text);
  EXPECT_EQ(page.wrong, "");
  EXPECT_EQ(page.series.at("postern_frames_from_guest_total{pid=1,engine=libslirp}"), 1);
  EXPECT_FALSE(page.types.contains("postern_tcp_opened_total"));
}

TEST(Prometheus, LabelsAreEscaped) {
  EXPECT_EQ(prometheus_label(R"(a\b"c)"), R"(a\\b\"c)");
  EXPECT_EQ(prometheus_label("a\nb\x1b"), "a\\nb?");
  const auto text = status_prometheus(
      R"({"return":{"version":"1\"} 1\n# x","pid":1,"engine":"a\\\"","uptime_seconds":0,"flows":{"open":0,"limit":1},"forwards":0}})",
      R"({"return":{"frames_from_guest":1,"frames_to_guest":2,"drops":{"a\"b\\c\nd":7}}})");
  ASSERT_TRUE(text);
  const Page page = Reader::read(*text);
  EXPECT_EQ(page.wrong, "");
  EXPECT_EQ(page.series.at("postern_drops_total{pid=1,engine=a\\\",reason=a\"b\\c\nd}"), 7);
}

TEST(Prometheus, WhatIsNoAnswerIsAnErrorAndNothingWorse) {
  for (const char* reply : {"", "x", "[]", "{}", R"({"return":7})", R"({"return":{}})", R"({"return":{"drops":{"a":"b"}}})",
                            R"({"return":{"drops":{},"fast_tcp":{"opened":"x"}}})"}) {
    EXPECT_FALSE(status_prometheus(reply, kCounters)) << reply;
    EXPECT_FALSE(status_prometheus(kStatus, reply)) << reply;
  }
}

// The parser itself can refuse.
TEST(Prometheus, WhatTheParserRefuses) {
  const std::string head = "# HELP a b\n# TYPE a counter\n";
  EXPECT_EQ(Reader::read(head + "a{b=\"c\"} 1\n").wrong, "");
  for (const char* line : {"a{b=\"c\"} 1", "a{b=\"c} 1\n", "a{b=\"\\x\"} 1\n", "a{1=\"c\"} 1\n", "a 1 x\n", "a\n",
                           "a{b=\"c\"}1\n", "b 1\n", "a 1\na 2\n", "a 1\n# TYPE a gauge\n", "a{b=\"c\",b=\"d\"} 1\n",
                           "a 1\n# HELP c d\n# TYPE c gauge\nc 1\na{x=\"y\"} 1\n"}) {
    EXPECT_NE(Reader::read(head + line).wrong, "") << line;
  }
}

}  // namespace
}  // namespace postern::cli
