// chaos_run_main.cpp - postern-chaos-run: `postern run --engine fast`, but the wire between the TAP and the relay is one on which
// TCP's frames get lost, doubled, out of order, late, short and wrong, by a seed. The kernel inside is a real one.
//
//   CMD ── kernel ── TAP ◄──► pump, a FaultyLine each way ◄──► socketpair ◄──► relay
//
//   postern-chaos-run [--seed N] [--bare] -- CMD ...      the last lines of its standard error: what became of the frames
//
// --bare: the relay's side has no vnet headers, so all checksums are there, and bits are turned over too. What is no TCP goes
// through whole: how neighbours and routers are found is not what is tested, and takes seconds when it fails.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "postern/process/child.h"
#include "postern/wire/ethernet.h"
#include "postern/wire/ip.h"
#include "postern/wire/vnet_header.h"
#include "postern/workload/workload.h"

#include "connection.h"
#include "faulty_line.h"
#include "program.h"

using namespace postern;

namespace {

using namespace std::chrono_literals;

struct Options {
  uint64_t seed = 1;
  bool bare = false;
  std::vector<std::string> command;
};

/// What the seed makes of the wire.
struct World {
  unsigned mtu_bytes = 1500;
  chaos::Faults up, down;
};

World world_of(const Options& options) {
  chaos::Dice dice(options.seed);
  const auto share = [&] { return static_cast<unsigned>(dice.between(100, 300)); };
  const auto faults = [&] {
    return chaos::Faults{.drop = share(),
                         .duplicate = share(),
                         .reorder = share(),
                         .delay = share(),
                         .truncate = 30,
                         .flip = options.bare ? 30u : 0};
  };
  World world;
  if (dice.chance(4'000)) world.mtu_bytes = static_cast<unsigned>(dice.magnitude(1280, 65'520));
  world.up = faults();
  world.down = faults();
  return world;
}

bool is_tcp(wire::Bytes frame) {
  const auto ethernet = wire::EthernetFrame::parse(frame);
  const auto ip = ethernet ? wire::IpPacket::parse(ethernet->payload) : std::nullopt;
  return ip && ip->protocol == wire::Protocol::tcp;
}

/// Carries frames both ways until either end is closed. The TAP has vnet headers; the relay's end only if it is not bare.
class Pump {
 public:
  Pump(const Options& options, const World& world, int tap, int relay)
      : up_{.from = tap, .to = relay, .line = line(world.up, 2 * options.seed), .strips_vnet = options.bare},
        down_{.from = relay, .to = tap, .line = line(world.down, 2 * options.seed + 1), .adds_vnet = options.bare} {}

  void run() {
    while (wait()) {
      const TimePoint now = Clock::now();
      if (!take(up_, now) || !take(down_, now)) return;
      give(up_, now);
      give(down_, now);
    }
  }

  /// What became of TCP's frames.
  void tell() const {
    tell("up", up_);
    tell("down", down_);
  }

 private:
  static constexpr int kFramesPerTurn = 64;
  static constexpr size_t kLargestFrame =
      wire::VnetHeader::kBytes + wire::EthernetFrame::kHeaderBytes + wire::IpPacket::kMaxBytes;

  struct Way {
    int from, to;
    chaos::FaultyLine line;
    bool strips_vnet = false, adds_vnet = false;
    uint64_t overflowed = 0;

    size_t vnet_bytes_of_what_it_reads() const { return adds_vnet ? 0 : wire::VnetHeader::kBytes; }
  };

  static chaos::FaultyLine line(const chaos::Faults& faults, uint64_t seed) {
    return {faults, 0us, seed, wire::EthernetFrame::kHeaderBytes};
  }

  bool wait() {
    std::optional<TimePoint> next = up_.line.next_due();
    if (const auto other = down_.line.next_due(); other && (!next || *other < *next)) next = other;
    const Duration left = next ? std::max<Duration>(*next - Clock::now(), 0ns) : 1s;
    const timespec limit{.tv_sec = left / 1s, .tv_nsec = left % 1s / 1ns};
    std::array<pollfd, 2> ends = {pollfd{up_.from, POLLIN, 0}, pollfd{down_.from, POLLIN, 0}};
    return ::ppoll(ends.data(), ends.size(), &limit, nullptr) >= 0 || errno == EINTR;
  }

  /// False: an end is closed.
  bool take(Way& way, TimePoint now) {
    for (int frames = 0; frames < kFramesPerTurn; ++frames) {
      const ssize_t got = ::read(way.from, buffer_.data(), buffer_.size());
      if (got <= 0) return got < 0 && errno == EAGAIN;
      const wire::Bytes read(buffer_.data(), static_cast<size_t>(got));
      const wire::Bytes frame = read.subspan(std::min(read.size(), way.vnet_bytes_of_what_it_reads()));
      const wire::Bytes passed_on = way.strips_vnet ? frame : read;
      if (is_tcp(frame)) {
        way.line.take(passed_on, now);
      } else {
        write(way, passed_on);
      }
    }
    return true;
  }

  static void give(Way& way, TimePoint now) {
    while (const auto frame = way.line.due(now)) write(way, *frame);
  }

  /// What is not taken is lost, as on any wire.
  static void write(Way& way, wire::Bytes frame) {
    std::array<uint8_t, wire::VnetHeader::kBytes> nothing_special{};
    const std::array<iovec, 2> parts = {iovec{nothing_special.data(), way.adds_vnet ? nothing_special.size() : 0},
                                        iovec{const_cast<uint8_t*>(frame.data()), frame.size()}};
    if (::writev(way.to, parts.data(), parts.size()) < 0) ++way.overflowed;
  }

  static void tell(std::string_view name, const Way& way) {
    const chaos::FaultyLine::Tally& tally = way.line.tally();
    fmt::print(stderr,
               "{}: {} frames, {} dropped, {} duplicated, {} reordered, {} delayed, {} truncated, {} flipped; {} not taken\n",
               name, tally.taken, tally.dropped, tally.duplicated, tally.reordered, tally.delayed, tally.truncated, tally.flipped,
               way.overflowed);
  }

  Way up_, down_;
  std::array<uint8_t, kLargestFrame> buffer_;
};

/// A wire that keeps frames apart, as a TAP does.
struct Wire {
  UniqueFd relay, pump;
};

Result<Wire> make_wire() {
  constexpr int kBytes = 4 << 20;  // or what net.core.wmem_max allows: by default three of the largest frames have room
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) < 0) return fail_errno("socketpair");
  for (const int end : ends) ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &kBytes, sizeof kBytes);
  return Wire{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// Puts the pump between `tap` and who will read it.
Result<process::Child> interpose(const Options& options, const World& world, relay::ConnectedTap& tap) {
  POSTERN_TRY(wire, make_wire(), "wire");
  auto child = process::Child::fork(0, [&] {
    wire.relay.reset();
    const auto pump = std::make_unique<Pump>(options, world, tap.tap.get(), wire.pump.get());
    pump->run();
    pump->tell();
    return 0;
  });
  tap.tap = std::move(wire.relay);
  tap.mode.framing = options.bare ? netns::TapFraming::bare : netns::TapFraming::vnet;
  return child;
}

Result<int> run(const Options& options, const process::Inheritance& inheritance) {
  const World world = world_of(options);
  cli::NetworkOptions wanted;
  wanted.engine = relay::Engine::fast;
  wanted.mtu_bytes = world.mtu_bytes;
  POSTERN_TRY(network, cli::choose_network(wanted), "network");
  workload::WorkloadPlan plan;
  plan.command = options.command;
  POSTERN_TRY(workload, workload::Workload::create(plan, inheritance), "workload");
  POSTERN_TRY(loop, loop::EventLoop::create(), "loop");
  POSTERN_TRY(connection, cli::Connection::create(*loop, network, {}), "connection");
  POSTERN_CHECK(workload.prepared(), "workload");
  POSTERN_TRY(target, netns::open_namespaces_in(workload.proc_folder()), "namespaces");
  const auto offload = options.bare ? netns::Offload::none : relay::offload_for(relay::Engine::fast);
  POSTERN_TRY(tap,
              relay::connect_tap(target, {.name = "tap0", .configuration = cli::link_configuration(network), .offload = offload}),
              "TAP");
  POSTERN_TRY(pump, interpose(options, world, tap), "pump");
  bool over = false;
  Status started{};
  auto end = loop->make_source([&](uint32_t, uint32_t) { over = true; });
  POSTERN_CHECK(end.watch(workload.pidfd(), EPOLLIN), "workload");
  POSTERN_CHECK(connection->start(std::move(tap), cli::Connection::Awaited::ipv6_address,
                                  {.ready = [&] { started = workload.start(); }, .tap_gone = [&] { over = true; }}),
                "connection");
  while (!over && started) POSTERN_CHECK(connection->relay().turn(), "relay");
  POSTERN_CHECK(started, "workload");
  connection->relay().abandon_tap();
  POSTERN_CHECK(pump.wait(), "pump");
  POSTERN_TRY(status, workload.wait(), "workload");
  return status.as_shell();
}

int chaos_run(int argc, char** argv) {
  const auto inheritance = process::Inheritance::take();
  Options options;
  CLI::App app("runs a command behind the fast engine, on a bad wire", "postern-chaos-run");
  app.add_option("--seed", options.seed);
  app.add_flag("--bare", options.bare);
  app.add_option("command", options.command)->required();
  app.positionals_at_end();
  CLI11_PARSE(app, argc, argv);
  const auto status = run(options, inheritance);
  if (status) return *status;
  fmt::print(stderr, "postern-chaos-run: {}\n", status.error().message());
  return workload::kOurFailure;
}

}  // namespace

int main(int argc, char** argv) { return lab::run_program("postern-chaos-run", chaos_run, argc, argv); }
