// face_test.h - one command line, two programs: the distribution's slirp4netns and ours under its name, compared in one go.
//
// A case is a script for bash that prints what matters. It runs in a lab for the peer and then for ours, each in a fresh folder:
//   $S            the program, of which no output but what the script shows is looked at
//   target        makes a namespace; $N is a process in it
//   inside CMD    runs CMD in it
//   start ARG...  runs $S -r 5 ARG..., prints "ready=1" once it has said so; $P is its process, out and err what it writes
//   answer ARG... runs it to its end; prints its status, its standard error, its warnings, and whether it shows the usage
//   alive         prints whether $P is
//   finish        SIGTERM; prints the status
//   dial IP PORT  prints how a TCP connection from inside fails
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "postern_test.h"

namespace postern::lab {

/// How the two compare. `why` names the item of the contract, or what is wrong with the peer: docs/compatibility.md.
struct Comparison {
  enum class Kind { same, differs, ours_alone } kind = Kind::same;
  const char* why = "";
  const char* theirs = "";  // what the peer's script prints where it differs
};

constexpr Comparison same() { return {}; }
constexpr Comparison differs(const char* why, const char* theirs) { return {Comparison::Kind::differs, why, theirs}; }
/// The peer cannot do it, or would only show its bug.
constexpr Comparison ours_alone(const char* why) { return {Comparison::Kind::ours_alone, why, ""}; }

struct FaceCase {
  const char* name;
  const char* script;
  const char* expected;  // what it prints, to the letter
  Comparison comparison = same();
};

inline void PrintTo(const FaceCase& face_case, std::ostream* os) { *os << face_case.name; }
inline std::string name_of_case(const testing::TestParamInfo<FaceCase>& info) { return info.param.name; }

inline constexpr std::string_view kFacePrelude = R"sh(
cd "$(mktemp -d)" || exit 125
target() {
  unshare --user --map-root-user --net sleep infinity & N=$!
  until grep -qs sleep "/proc/$N/comm"; do :; done
}
inside() { nsenter -t "$N" -U -n --preserve-credentials "$@"; }
start() {
  mkfifo ready
  "$S" -r 5 "$@" 5>ready >out 2>err & P=$!
  word=; IFS= read -r -t 10 word <ready
  echo "ready=$word"
  rm ready
}
answer() {
  timeout 10 "$S" "$@" >out 2>err
  echo "status=$?"
  sed "s|^$S:|slirp4netns:|" err
  [ -z "$(tail -c1 err)" ] || echo
  grep '^WARNING: ' out
  ! grep -q '^Usage: ' out || echo usage
}
finish() { kill "$P"; wait "$P"; echo "status=$?"; }
alive() { kill -0 "$P" 2>/dev/null && echo running || echo ended; }
dial() {  # How a TCP connection to $1, port $2, fails.
  inside timeout 2 bash -c "exec 3<>/dev/tcp/$1/$2" 2>fault
  [ $? != 124 ] || echo silence
  grep -oE 'Network is unreachable|Connection refused|No route to host' fault | head -1
}
)sh";

class Face : public PosternTest, public testing::WithParamInterface<FaceCase> {
 protected:
  void SetUp() override {
    PosternTest::SetUp();
    if (IsSkipped() || HasFatalFailure() || GetParam().comparison.kind == Comparison::Kind::ours_alone) return;
    LAB_SKIP_UNLESS(host().sh(fmt::format("test -x {}", kPeer)).ok(), "slirp4netns", "the peer is not installed");
  }

  std::string prints(std::string_view program) const {
    const std::string known = fmt::format("S={}; H4={} R4={}\n", program, kHost4, kRemote4);
    const Outcome outcome =
        host().run({.argv = {"bash", "-c", known + std::string(kFacePrelude) + GetParam().script}, .role = role()});
    EXPECT_NE(outcome.status, Outcome::kTimedOut) << outcome.out;
    if (HasFailure()) ADD_FAILURE() << outcome.err;
    return outcome.out;
  }

  void compare() const {
    const auto& [kind, why, theirs] = GetParam().comparison;
    if (kind != Comparison::Kind::ours_alone) {
      const char* wanted = kind == Comparison::Kind::same ? GetParam().expected : theirs;
      EXPECT_EQ(prints(kPeer), wanted) << "the peer; " << why;
    }
    EXPECT_EQ(prints(kOurs), GetParam().expected) << "ours; " << why;
  }

  static constexpr std::string_view kPeer = "/usr/bin/slirp4netns";
  static constexpr std::string_view kOurs = "/run/lab/tree/libexec/postern/slirp4netns";
};

}  // namespace postern::lab
