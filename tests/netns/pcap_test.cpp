// pcap_test.cpp - `run --pcap FILE` and `attach --pcap FILE`: what passes the TAP is in the file, and the file is whole.
#include <fmt/format.h>

#include <csignal>

#include "guest_test.h"

namespace postern::lab {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr std::string_view kFile = "/run/lab/tmp/x.pcap";

/// A line a TCP segment: "10.0.2.100>192.0.2.2 SYN 0"; then what the segments held. Fails where the file is not whole.
constexpr std::string_view kReader = R"(
import struct, sys
data = open(sys.argv[1], 'rb').read()
magic, _, _, _, _, snaplen, link = struct.unpack_from('<IHHiIII', data)
assert (hex(magic), link) == ('0xa1b23c4d', 1), (hex(magic), link)
at, text = 24, b''
while at < len(data):
    seconds, nanoseconds, kept, whole = struct.unpack_from('<IIII', data, at)
    assert seconds > 1500000000 and nanoseconds < 1000000000 and kept == whole <= snaplen
    at += 16
    frame = data[at:at + kept]
    assert len(frame) == kept, 'cut short'
    at += kept
    if frame[12:14] != b'\x08\x00' or frame[23] != 6: continue
    ip = frame[14:]
    tcp = ip[(ip[0] & 15) * 4:struct.unpack('>H', ip[2:4])[0]]
    names = [name for bit, name in enumerate(['FIN', 'SYN', 'RST', 'PSH', 'ACK']) if tcp[13] >> bit & 1]
    content = tcp[(tcp[12] >> 4) * 4:]
    text += content
    print('%s>%s %s %d' % ('.'.join(map(str, ip[12:16])), '.'.join(map(str, ip[16:20])), ','.join(names), len(content)))
print(text.decode(errors='replace'))
)";

class Pcap : public GuestTest {
 protected:
  std::vector<Server> servers() const override { return {Server::http}; }
  Outcome read(std::string_view file = kFile) const {
    return host().run(Command{.argv = {"python3", "-c", std::string(kReader), std::string(file)}, .role = role()});
  }
};

class PcapOf : public Pcap, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Engine, PcapOf, testing::Values("fast", "libslirp"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST_P(PcapOf, HoldsAConnectionFromItsFirstSegmentBothWays) {
  const Outcome page = sh(fmt::format("postern run --engine {} --pcap {} -- curl -sf http://192.0.2.2/", GetParam(), kFile));
  ASSERT_THAT(page, Succeeds());
  EXPECT_EQ(page.out, kPageText);
  const Outcome captured = read();
  ASSERT_THAT(captured, Succeeds());
  EXPECT_THAT(captured.out, AllOf(HasSubstr("10.0.2.100>192.0.2.2 SYN 0\n"), HasSubstr("192.0.2.2>10.0.2.100 SYN,ACK 0\n"),
                                  HasSubstr("GET / HTTP/1.1"), HasSubstr(std::string(kPageText))));
  EXPECT_EQ(sh(fmt::format("stat -c %a {}", kFile)).out, "600\n");
}

TEST_F(Pcap, IsReadableWhileTheCommandRunsAndWholeAfterASignal) {
  const auto inside = guest({.options = {"--pcap", std::string(kFile)}});
  ASSERT_TRUE(inside);
  ASSERT_THAT(inside->run({"curl", "-sf", "http://192.0.2.2/"}), Succeeds());
  EXPECT_TRUE(wait_until([&] { return read().out.find(kPageText) != std::string::npos; }));
  ASSERT_THAT(inside->run({"curl", "-sf", "http://192.0.2.2/last"}), Not(Succeeds()));
  ASSERT_THAT(sh(fmt::format("kill -TERM {}", inside->postern().pid())), Succeeds());
  ASSERT_TRUE(wait_until([&] { return !sh(fmt::format("kill -0 {}", inside->postern().pid())).ok(); }));
  const Outcome captured = read();
  ASSERT_THAT(captured, Succeeds());
  EXPECT_THAT(captured.out, HasSubstr("GET /last"));
}

TEST_F(Pcap, OfAnAttachedNamespaceIsWholeAfterASignal) {
  Process made = start_sh("exec unshare --user --map-root-user --net sh -c 'echo made; exec sleep infinity'");
  ASSERT_TRUE(says(made, "made"));
  Process attached =
      start_sh(fmt::format("exec postern attach --ready-fd 5 --configure --pcap {} {} tap0 5>&1", kFile, made.pid()));
  ASSERT_TRUE(says(attached, "1")) << attached.err();
  EXPECT_EQ(sh(fmt::format("nsenter -t {} -U -n --preserve-credentials curl -sf http://192.0.2.2/", made.pid())).out, kPageText);
  attached.signal(SIGTERM);
  EXPECT_EQ(attached.wait(5s), 0);
  const Outcome captured = read();
  ASSERT_THAT(captured, Succeeds());
  EXPECT_THAT(captured.out, HasSubstr(std::string(kPageText)));
}

TEST_F(Pcap, AFileThatGrowsTooLargeIsOneWarningAndTheNetworkGoesOn) {
  const Outcome run = sh(fmt::format(
      "ulimit -f 8; postern run --pcap {} -- sh -c 'for i in $(seq 60); do curl -sf http://192.0.2.2/ || exit 1; done'", kFile));
  EXPECT_THAT(run, Succeeds());
  EXPECT_THAT(run.err, AllOf(IsOneLine(), HasSubstr("--pcap: write"), HasSubstr("nothing more is recorded")));
}

TEST_F(Pcap, WhatCannotBeTheFileIsAnErrorBeforeTheCommandStarts) {
  ASSERT_THAT(sh("mkfifo /run/lab/tmp/fifo"), Succeeds());
  for (const char* wrong : {"/run/lab/tmp/fifo", "/run/lab/tmp", "/no/such/folder/x", "/dev/full"}) {
    const Outcome refused = sh(fmt::format("postern run --pcap {} -- echo ran", wrong));
    EXPECT_THAT(refused, EndsWithStatus(125));
    EXPECT_THAT(refused.err, AllOf(IsOneLine(), HasSubstr("--pcap"), HasSubstr(wrong)));
    EXPECT_EQ(refused.out, "");
  }
}

TEST_F(Pcap, WithoutLibpcapItSaysWhichPackageIsMissing) {
  const Outcome refused = sh(fmt::format("POSTERN_PRETEND_MISSING=libpcap postern run --pcap {} -- echo ran", kFile));
  EXPECT_THAT(refused, EndsWithStatus(125));
  EXPECT_THAT(refused.err, AllOf(IsOneLine(), HasSubstr("libpcap0.8")));
  EXPECT_THAT(sh("POSTERN_PRETEND_MISSING=libpcap postern run -- true"), Succeeds());
}

}  // namespace
}  // namespace postern::lab
