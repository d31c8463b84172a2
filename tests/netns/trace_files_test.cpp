// trace_files_test.cpp - what `postern trace` writes beside standard output, and over what: shown with records, which need no
// packets.
#include "postern_trace_test.h"

namespace postern::lab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class TraceFiles : public TraceTest {
 protected:
  void SetUp() override {
    TraceTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_THAT(here("mkdir folder && chmod 755 folder"), Succeeds());
    ASSERT_THAT(here(fmt::format("awk '{}' > pings.jsonl", kPings)), Succeeds());
  }
  Outcome here(const std::string& command) const { return host().sh("cd /run/lab/tmp && " + command); }

  /// More than a pipe holds.
  static constexpr int kMany = 3000;
  static constexpr const char* kPings =
      R"(BEGIN { for (i = 1; i <= 3000; i++) printf "{\"time_ns\":%d,\"clock\":\"exact\",\"observer\":\"tracepoint\",)"
      R"(\"point\":\"ingress\",\"netns\":{\"inode\":1,\"name\":\"c1\"},\"device\":{\"index\":2,\"name\":\"eth0\"},)"
      R"(\"packet\":{\"family\":4,\"source\":\"10.0.0.2\",\"destination\":\"192.0.2.2\",\"protocol\":\"icmp\",)"
      R"(\"protocol_number\":1,\"icmp\":{\"type\":8,\"code\":0,\"id\":7,\"sequence\":%d},\"ip_id\":%d,\"hop_limit\":64,)"
      R"(\"bytes\":84},\"captured\":\"45000054\"}\n", i * 1000, i, i })";
};

TEST_F(TraceFiles, AReaderWhoGoesAwayTakesNoFileWithHim) {
  const Outcome piped = here(
      "{ postern trace --replay pings.jsonl --record kept.jsonl --html kept.html --pcap kept.pcap; echo status $? >&2; } | head "
      "-1");
  EXPECT_THAT(piped.err, HasSubstr("status 0"));
  EXPECT_EQ(here("postern trace --json --replay kept.jsonl | wc -l").out, fmt::format("{}\n", kMany));
  EXPECT_THAT(here("cat kept.html").out, AllOf(HasSubstr("</html>"), HasSubstr("10.0.0.2")));
  EXPECT_EQ(here("stat -c %s kept.pcap").out, fmt::format("{}\n", 24 + kMany * (16 + 20 + 4)));
}

TEST_F(TraceFiles, ADiskThatIsFullTakesNoOtherWithIt) {
  ASSERT_THAT(here("mkdir small && mount -t tmpfs -o size=64k none small"), Succeeds());
  const Outcome full = here(
      "postern trace --replay pings.jsonl --record small/kept.jsonl --html kept.html | wc -l; "
      "postern trace --replay pings.jsonl --record small/other.jsonl | head -1");
  EXPECT_THAT(full.err, HasSubstr("No space left on device"));
  EXPECT_EQ(full.out.substr(0, full.out.find('\n')), fmt::format("{}", kMany + 1)) << "a header, and every event";
  EXPECT_THAT(here("cat kept.html").out, HasSubstr("</html>"));
  EXPECT_THAT(here("umount small"), Succeeds());
}

TEST_F(TraceFiles, AreTheirOwnersAloneAndNothingElseIsWrittenOver) {
  ASSERT_THAT(here("echo kept >target && ln -s target link && mkfifo fifo && touch others && chown 12345 others && "
                   "touch open && chmod 666 open"),
              Succeeds());
  for (const char* option : {"--record", "--html", "--pcap"}) {
    for (const char* name : {"link", "fifo", "others"}) {
      EXPECT_EQ(here(fmt::format("postern trace --replay pings.jsonl {} {}", option, name)).status, 1) << option << " " << name;
    }
    EXPECT_THAT(here(fmt::format("postern trace --replay pings.jsonl {} open", option)), Succeeds());
    EXPECT_EQ(here("stat -c %a open && chmod 666 open").out, "600\n") << option;
  }
  EXPECT_EQ(here("cat target && stat -c %s others").out, "kept\n0\n");
}

TEST_F(TraceFiles, AreNotSharedAndWhatIsReadStays) {
  const std::string before = here("sha256sum <pings.jsonl && ln -s pings.jsonl same.jsonl").out;
  for (const char* words :
       {"--replay same.jsonl --record pings.jsonl", "--replay pings.jsonl --html ./pings.jsonl",
        "--replay same.jsonl --pcap pings.jsonl", "--replay pings.jsonl --record new --html ./new", "--replay ''",
        "--replay pings.jsonl --record ''", "--replay pings.jsonl --count ''", "--replay pings.jsonl --record -"}) {
    const Outcome refused = here(fmt::format("postern trace {} </dev/null", words));
    EXPECT_EQ(refused.status, 2) << words << ": " << refused.err;
    EXPECT_THAT(refused.err, HasSubstr("--help")) << words;
  }
  EXPECT_EQ(here("sha256sum <pings.jsonl; ls new 2>/dev/null").out, before);
}

TEST_F(TraceFiles, APageMayGoToStandardOutput) {
  const Outcome page = here("postern trace --replay pings.jsonl --html - icmp; ls ./-");
  EXPECT_THAT(page.out, AllOf(testing::StartsWith("<!"), HasSubstr("</html>")));
  EXPECT_THAT(page.err, HasSubstr("No such file"));
}

TEST_F(TraceFiles, WhatWasRecordedKeepsItsTime) {
  ASSERT_THAT(
      here("{ echo '{\"record\":1,\"realtime_ns\":1000000000000000000,\"monotonic_ns\":1000}'; head -1 pings.jsonl; } >old"),
      Succeeds());
  ASSERT_THAT(here("postern trace --replay old --html old.html --pcap old.pcap --record again"), Succeeds());
  EXPECT_THAT(here("cat old.html").out, HasSubstr("2001-09-09 01:46:40 UTC"));
  EXPECT_EQ(here("od -An -tu4 -j24 -N8 old.pcap").out, " 1000000000          0\n");
  EXPECT_EQ(here("head -1 again").out, here("head -1 old").out);
  ASSERT_THAT(here("postern trace --replay pings.jsonl --html unknown.html --record unknown"), Succeeds())
      << "older ones say nothing";
  EXPECT_THAT(here("head -1 unknown").out, HasSubstr("\"time_ns\""));
}

}  // namespace
}  // namespace postern::lab
