// wire_main.cpp - postern-wire: a long cable between two network namespaces, for kernels without netem. What a veth hides (the
// other end answers before the sender's system call returns) shows here.
//
//   postern-wire NAME NETNS MICROSECONDS LOST      a TAP called NAME here and one in NETNS, a file of ip-netns(8); says "up"
//
//   this namespace                                              NETNS
//   NAME ═══ read ──► delay line, MICROSECONDS ──► write ═══ NAME
//        ═══ write ◄──────────── delay line ◄──── read ═══
//
// A frame passes as it is read, with its vnet header: TCP crosses in superframes of up to 64 KiB, some tens of Gbit/s of them.
// What a full delay line or a TAP does not take is lost; how much was is the text of the file LOST.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

#include "delay_line.h"
#include "program.h"

namespace postern::lab {
namespace {

constexpr size_t kLineBytes = size_t{64} << 20;  // 5 Gbit/s over 100 ms: the largest product a test asks for
constexpr int kFramesATurn = 64;                 // then the other direction has its turn

struct Options {
  std::string name, netns;
  std::chrono::microseconds delay{};
  std::string lost;
};

// The lab's own, not postern::netns: what measures a product does not stand on it.
// A TAP belongs to the network namespace in which the device node was opened.
Result<UniqueFd> open_end(const std::string& name) {
  UniqueFd tap(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!tap) return fail_errno("open", "/dev/net/tun");
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (::ioctl(tap.get(), TUNSETIFF, &request) < 0) return fail_errno("TUNSETIFF", name);
  if (::ioctl(tap.get(), TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0) return fail_errno("TUNSETOFFLOAD", name);
  return tap;
}

/// One of the cable's two.
class Direction {
 public:
  Direction(const UniqueFd& from, const UniqueFd& to, Duration delay)
      : from_(from.get()), to_(to.get()), line_(delay, kLineBytes) {}

  void take_in(TimePoint now) {
    for (int i = 0; i < kFramesATurn; ++i) {
      const std::span<char> room = line_.room();
      const ssize_t got = ::read(from_, room.data(), room.size());
      if (got <= 0) return;
      line_.take(static_cast<size_t>(got), now);
    }
  }

  void hand_out(TimePoint now) {
    for (auto frame = line_.due(now); !frame.empty(); frame = line_.due(now)) {
      if (::write(to_, frame.data(), frame.size()) < 0 && errno != EIO) ++refused_;
      line_.pop();
    }
  }

  std::optional<TimePoint> next_due() const { return line_.next_due(); }
  uint64_t lost() const { return line_.lost() + refused_; }

 private:
  int from_, to_;
  DelayLine line_;
  uint64_t refused_ = 0;  // no memory; not EIO, which says that the end is down: an unplugged cable is no crowded one
};

class Cable {
 public:
  Cable(UniqueFd near, UniqueFd far, Duration delay, UniqueFd lost)
      : near_(std::move(near)),
        far_(std::move(far)),
        lost_file_(std::move(lost)),
        directions_{{{near_, far_, delay}, {far_, near_, delay}}} {}

  /// Until one of the TAPs is gone, with its namespace.
  Status carry() {
    tell_lost();
    for (;;) {
      POSTERN_TRY(ready, wait(), "wire");
      if (!ready) return {};
      const TimePoint now = Clock::now();
      for (Direction& direction : directions_) direction.hand_out(now);
      for (Direction& direction : directions_) direction.take_in(now);
      tell_lost();
    }
  }

 private:
  /// For a frame to come, or to be due. False when an end is gone.
  Result<bool> wait() const {
    std::optional<TimePoint> due;
    for (const Direction& direction : directions_) {
      const auto next = direction.next_due();
      if (next && (!due || *next < *due)) due = next;
    }
    timespec limit{};
    if (due) {
      const auto left = std::max(Duration::zero(), *due - Clock::now());
      limit.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
      limit.tv_nsec = (left % std::chrono::seconds(1)).count();
    }
    pollfd ends[] = {{near_.get(), POLLIN, 0}, {far_.get(), POLLIN, 0}};
    if (::ppoll(ends, 2, due ? &limit : nullptr, nullptr) < 0 && errno != EINTR) return fail_errno("ppoll");
    return ((ends[0].revents | ends[1].revents) & POLLERR) == 0;
  }

  void tell_lost() {
    const uint64_t lost = directions_[0].lost() + directions_[1].lost();
    if (lost == told_) return;
    told_ = lost;
    const std::string text = fmt::format("{}\n", lost);  // grows only, so that it covers what stood there
    (void)!::pwrite(lost_file_.get(), text.data(), text.size(), 0);
  }

  UniqueFd near_, far_, lost_file_;
  std::array<Direction, 2> directions_;
  uint64_t told_ = ~uint64_t{0};
};

Status lay(const Options& options) {
  UniqueFd lost(::open(options.lost.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!lost) return fail_errno("open", options.lost);
  const UniqueFd netns(::open(options.netns.c_str(), O_RDONLY | O_CLOEXEC));
  if (!netns) return fail_errno("open", options.netns);
  POSTERN_TRY(near, open_end(options.name), "here");
  if (::setns(netns.get(), CLONE_NEWNET) < 0) return fail_errno("setns", options.netns);
  POSTERN_TRY(far, open_end(options.name), options.netns);
  ::prctl(PR_SET_TIMERSLACK, 1UL);  // else the kernel adds 50 us to each wait, prctl(2)
  std::puts("up");
  std::fflush(stdout);
  return Cable(std::move(near), std::move(far), options.delay, std::move(lost)).carry();
}

int wire(int argc, char** argv) {
  const std::string_view microseconds = argc == 5 ? argv[3] : "";
  int64_t delay = -1;
  const char* end = microseconds.data() + microseconds.size();
  if (std::from_chars(microseconds.data(), end, delay).ptr != end || delay < 0) {
    std::fputs("usage: postern-wire NAME NETNS MICROSECONDS LOST\n", stderr);
    return 2;
  }
  const Status laid = lay({argv[1], argv[2], std::chrono::microseconds(delay), argv[4]});
  if (!laid) fmt::print(stderr, "postern-wire: {}\n", laid.error().message());
  return laid ? 0 : 1;
}

}  // namespace
}  // namespace postern::lab

int main(int argc, char** argv) { return postern::lab::run_program("postern-wire", postern::lab::wire, argc, argv); }
