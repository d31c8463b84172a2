// bridge_test.h - the fixture of tests of bridge mode: networks on a lab's host, containers on them, the remote outside.
//
//   container netns                      host of the lab                                  remote
//   eth0 10.50.0.2, fd50::2 ══ veth ══ blue  10.50.0.1, fd50::1  ── NAT ── eth0 ═══════ eth0 192.0.2.2, 2001:db8:1::2
//   eth0 10.51.0.2, fd51::2 ══ veth ══ green 10.51.0.1, fd51::1
#pragma once

#include <fmt/format.h>

#include <optional>
#include <set>
#include <utility>

#include "container.h"
#include "postern_test.h"

namespace postern::lab {

inline constexpr std::string_view kBlue = "blue --subnet 10.50.0.0/24 --subnet fd50::/64";
inline constexpr std::string_view kGreen = "green --subnet 10.51.0.0/24 --subnet fd51::/64";

/// What is the same after a clean run and after one that was killed, and was mended since: state, rules, links, addresses, routes
/// and settings. Left out is which address was given last, what is drawn by lot (names of ports, MACs but those that tests give),
/// what names one run of a helper (its pid, its ports), the handles of rules, and whether a carrier has been noticed already.
inline constexpr const char* kSnapshot = R"sh(
{
cd /run/postern/bridge 2>/dev/null && find . -mindepth 1 | LC_ALL=C sort | while read -r file; do
  case $file in */last4 | */last6) continue ;; esac
  echo "state $file"
  case $file in
    ./proxy.json | ./lock | *.pid) ;;
    *) test -d "$file" || jq -S . "$file" 2>/dev/null || cat "$file" ;;
  esac
done
nft -j list table inet postern 2>/dev/null | jq -S '.nftables
  | map(select(has("metainfo") | not)) | map(del(.. | .handle?))
  | map(walk(if type == "object" and (.elem | type) == "array" then .elem |= sort else . end))
  | sort_by([keys[0], .[].chain // .[].name])[]' -c | sed -E 's/"port":[0-9]{5}/"port":"of the proxy"/'
ip -json -details link | jq -cS '[.[] | select(.ifname != "lo" and .ifname != "eth0")
  | [.master, .linkinfo.info_kind, if .linkinfo.info_kind == "veth" then "" else .ifname end, .mtu,
     (.flags | index("UP") != null), .linkinfo.info_slave_data.isolated, .linkinfo.info_slave_data.hairpin]] | sort[]'
ip -json address | jq -cS 'sort_by(.ifname)[] | [.ifname, ([.addr_info[] | select(.scope == "global") | .local] | sort)]'
ip route; ip -6 route | grep -v 'fe80::'
sysctl -e net.ipv4.ip_forward net.ipv6.conf.all.forwarding
} | sed -E '/02:00:00:00:00/!s/([0-9a-f]{2}:){5}[0-9a-f]{2}/drawn/g; s/pv[0-9a-f]{12}/port/g; s/ *(linkdown|dead) *//g'
)sh";

class BridgeTest : public PosternTest {
 protected:
  Role role() const override { return Role::root; }
  bool needs_tun() const override { return false; }
  void SetUp() override {
    PosternTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const std::string missing = not_installed("nft jq curl nginx");
    LAB_SKIP_UNLESS(missing.empty(), "programs", missing + "missing: sh contrib/install-deps.sh");
  }

  Outcome bridge(std::string_view words) const { return sh(fmt::format("postern bridge {}", words)); }
  void up(std::string_view words) const { ASSERT_THAT(bridge(fmt::format("up {}", words)), Succeeds()); }

  std::optional<Container> container() const {
    auto started = Container::start(host());
    if (!started) ADD_FAILURE() << started.error().message();
    return started ? std::optional(*std::move(started)) : std::nullopt;
  }
  Outcome attach(std::string_view network, const Container& container, std::string_view options = "") const {
    return bridge(fmt::format("attach {} {} {}", network, container.pid(), options));
  }
  /// A new one that is attached to the network.
  std::optional<Container> container_on(std::string_view network, std::string_view options = "") const {
    auto made = container();
    if (made) {
      EXPECT_THAT(attach(network, *made, options), Succeeds());
    }
    return made;
  }
  /// Of a network by its last number: "10.50.0.2 fd50::2" of kBlue.
  static std::string at(int network, int number) {
    return fmt::format("--ip 10.{0}.0.{1} --ip fd{0}::{1} --id c{0}-{1}", network, number);
  }

  /// Programs of `server` on a container, to the end of the test.
  void serve(const Machine& machine, Server server) {
    auto started = start(machine, server);
    ASSERT_TRUE(started) << started.error().message();
    std::move(started->begin(), started->end(), std::back_inserter(servers_));
  }

  /// The source address of `from` as nginx at "192.0.2.1:8080" or "[::1]:80" sees it, and a newline; what curl says otherwise.
  static std::string source_seen(const Machine& from, std::string_view by) {
    const Outcome asked = from.sh(fmt::format("curl -sS --noproxy '*' --max-time 10 'http://{}/client'", by));
    return asked.out + asked.err;
  }
  /// What connect(2) has come to: "open 1\n" where something accepts; a dropped one waits to the limit.
  static std::string knock(const Machine& from, std::string_view address, int port) {
    return from.sh(fmt::format("postern-probe --limit-ms 300 {} {} open", address, port)).out;
  }
  static std::string knock_udp(const Machine& from, std::string_view address, int port) {
    return from.sh(fmt::format("postern-probe --udp --limit-ms 300 {} {} open echo", address, port)).out;
  }
  std::string snapshot() const { return sh(kSnapshot).out; }
  /// Everybody in the lab by name, sorted: helpers that were left show.
  std::multiset<std::string> programs() const {
    std::multiset<std::string> names;
    for (const ProcessSeen& process : lab().processes()) names.insert(process.name);
    return names;
  }
  /// The first line of the program's standard output.
  std::string first_line(std::string_view script) const {
    const std::string out = sh(script).out;
    return out.substr(0, out.find('\n'));
  }

 private:
  std::vector<Process> servers_;
};

inline constexpr std::string_view kReached = "open 1\n";
inline constexpr std::string_view kAnswered = "open 1\necho 1\n";

/// A refusal: the status, and one line of ours with each of the words.
MATCHER_P(Refuses, words, "is one line of postern's with all of " + testing::PrintToString(words)) {
  *result_listener << "status " << arg.status << "\nout: " << arg.out << "\nerr: " << arg.err;
  const std::vector<std::string> all = words;
  return arg.status == 1 && arg.err.starts_with("postern") && std::count(arg.err.begin(), arg.err.end(), '\n') == 1 &&
         std::all_of(all.begin(), all.end(), [&](const std::string& word) { return arg.err.find(word) != arg.err.npos; });
}
inline auto RefusesWith(std::initializer_list<const char*> words) {
  return Refuses(std::vector<std::string>(words.begin(), words.end()));
}

}  // namespace postern::lab
