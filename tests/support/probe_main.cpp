// probe_main.cpp - postern-probe: what a program sees of the network, in errno's own words, which curl and nc do not give.
//
//   postern-probe [--udp] [--limit-ms N] ADDRESS PORT STEP...      one line a step; status 0 when each did all it should
//
//   open[=N]      N more sockets, all connected at once, and kept           open 20        open 7 ETIMEDOUT
//   echo[=BYTES]  that much over each socket kept comes back the same       echo 20        echo 0 ENETUNREACH
//   close[=N]     the N oldest are closed                                   close 1
//   refused=N     N connects in a row, each with the same descriptor        refused 10000  refused 3 ETIMEDOUT
//   hold          waits for SIGUSR1                                         hold 0
//   say[=BYTES]   that much over each socket kept; counts bytes             say 45         say 0 EPIPE
//   hear          what comes over them, up to its end; counts bytes         hear 5         hear 5 ECONNRESET
//   end           nothing more will be said: SHUT_WR                        end 1          end 0 ENOTCONN
//   over          until there is an error, or both have said their end; the error is left to the next step
//   cycle=N       N times: connect, a byte there and back, and close, in order or with a reset
//
// A step ends at the limit, which is what ETIMEDOUT means here. The steps after one that failed are taken all the same.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "postern/base/address.h"
#include "postern/base/clock.h"
#include "postern/base/unique_fd.h"

#include "program.h"

namespace postern::lab {
namespace {

struct Options {
  std::string address;
  uint16_t port = 0;
  bool udp = false;
  unsigned limit_ms = 5000;
  std::vector<std::string> steps;
};

/// How far a step came, and the errno that stopped it; 0: it did all it should.
struct Outcome {
  size_t done = 0;
  int error = 0;
};

constexpr std::string_view kStream = "the quick brown fox jumps over the lazy dog; ";

std::string pattern(size_t bytes) {
  std::string text;
  while (text.size() < bytes) text.append(kStream).append(std::to_string(text.size()));
  text.resize(bytes);
  return text;
}

class Probe {
 public:
  Probe(const IpAddress& address, const Options& options)
      : options_(options), target_size_(std::holds_alternative<Ipv4>(address) ? sizeof(sockaddr_in) : sizeof(sockaddr_in6)) {
    if (const auto* v4 = std::get_if<Ipv4>(&address)) {
      auto& target = reinterpret_cast<sockaddr_in&>(target_);
      target.sin_family = AF_INET;
      target.sin_port = htons(options.port);
      target.sin_addr = v4->to_wire();
    } else {
      auto& target = reinterpret_cast<sockaddr_in6&>(target_);
      target.sin6_family = AF_INET6;
      target.sin6_port = htons(options.port);
      target.sin6_addr = std::get<Ipv6>(address).to_wire();
    }
  }

  Outcome open(size_t count) {
    const TimePoint deadline = this->deadline();
    std::vector<UniqueFd> opening;
    Outcome outcome;
    while (opening.size() < count && outcome.error == 0) {
      UniqueFd socket = make_socket(SOCK_NONBLOCK);
      if (!socket || (::connect(socket.get(), target(), target_size_) < 0 && errno != EINPROGRESS)) {
        outcome.error = errno;
      } else {
        opening.push_back(std::move(socket));
      }
    }
    for (UniqueFd& socket : opening) {
      if (const int error = wait_for(socket.get(), POLLOUT, deadline)) {
        outcome.error = error;
      } else {
        kept_.push_back(std::move(socket));
        ++outcome.done;
      }
    }
    return outcome;
  }

  Outcome echo(size_t bytes) {
    const TimePoint deadline = this->deadline();
    const std::string sent = pattern(bytes);
    Outcome outcome;
    for (const UniqueFd& socket : kept_) {
      if (::send(socket.get(), sent.data(), sent.size(), MSG_NOSIGNAL) < 0) outcome.error = errno;
    }
    for (const UniqueFd& socket : kept_) {
      if (const int error = expect_back(socket.get(), sent, deadline)) {
        outcome.error = error;
      } else {
        ++outcome.done;
      }
    }
    return outcome;
  }

  Outcome close(size_t count) {
    count = std::min(count, kept_.size());
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<ptrdiff_t>(count));
    return {count, 0};
  }

  Outcome refused(size_t count) {
    for (size_t done = 0; done < count; ++done) {
      const UniqueFd socket = make_socket(0);
      timeval limit{options_.limit_ms / 1000, static_cast<suseconds_t>(options_.limit_ms % 1000) * 1000};
      ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);  // socket(7): of connect(2) too
      if (::connect(socket.get(), target(), target_size_) == 0) return {done, EISCONN};
      if (errno != ECONNREFUSED) return {done, errno == EINPROGRESS ? ETIMEDOUT : errno};
    }
    return {count, 0};
  }

  Outcome say(size_t bytes) {
    const std::string said = pattern(bytes);
    return for_each_kept([&](int socket, Outcome& outcome) {
      const ssize_t sent = ::send(socket, said.data(), said.size(), MSG_NOSIGNAL);
      if (sent < 0) return errno;
      outcome.done += static_cast<size_t>(sent);
      return 0;
    });
  }

  Outcome hear() {
    const TimePoint deadline = this->deadline();
    return for_each_kept([deadline](int socket, Outcome& outcome) {
      std::array<char, 65536> buffer;
      for (;;) {
        if (!happens(socket, POLLIN, deadline)) return ETIMEDOUT;
        const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
        if (got <= 0) return got < 0 ? errno : 0;
        outcome.done += static_cast<size_t>(got);
      }
    });
  }

  Outcome end() {
    return for_each_kept([](int socket, Outcome& outcome) {
      if (::shutdown(socket, SHUT_WR) < 0) return errno;
      ++outcome.done;
      return 0;
    });
  }

  Outcome over() {
    const TimePoint deadline = this->deadline();
    return for_each_kept([deadline](int socket, Outcome& outcome) {
      if (!happens(socket, 0, deadline)) return ETIMEDOUT;
      ++outcome.done;
      return 0;
    });
  }

  /// Each second one ends with a reset, socket(7).
  Outcome cycle(size_t count) {
    for (size_t done = 0; done < count; ++done) {
      for (const Outcome& outcome : {open(1), echo(1)}) {
        if (outcome.error) return {done, outcome.error};
      }
      const linger reset{.l_onoff = done % 2 == 1, .l_linger = 0};
      ::setsockopt(kept_.front().get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      kept_.clear();
    }
    return {count, 0};
  }

  static Outcome hold() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGUSR1);
    int number = 0;
    return {0, ::sigwait(&signals, &number)};
  }

 private:
  const sockaddr* target() const { return reinterpret_cast<const sockaddr*>(&target_); }
  TimePoint deadline() const { return Clock::now() + std::chrono::milliseconds(options_.limit_ms); }

  /// Told of every ICMP error, also of those a datagram socket otherwise keeps to itself: IP_RECVERR, ip(7).
  UniqueFd make_socket(int flags) const {
    const bool v6 = target_.ss_family == AF_INET6;
    UniqueFd socket(::socket(target_.ss_family, (options_.udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | flags, 0));
    const int on = 1;
    if (socket && options_.udp) {
      ::setsockopt(socket.get(), v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, &on, sizeof on);
    }
    return socket;
  }

  /// `act` adds to what was done, and returns 0 or an errno.
  template <class Act>
  Outcome for_each_kept(Act act) const {
    Outcome outcome;
    for (const UniqueFd& socket : kept_) {
      if (const int error = act(socket.get(), outcome)) outcome.error = error;
    }
    return outcome;
  }

  /// One of `events`, or an error, which stays where it is.
  static short happens(int socket, short events, TimePoint deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd wait{socket, events, 0};
    return ::poll(&wait, 1, static_cast<int>(std::max<int64_t>(left.count(), 0))) > 0 ? wait.revents : short{0};
  }

  /// 0, or the errno of what came instead.
  static int wait_for(int socket, short events, TimePoint deadline) {
    while (const short happened = happens(socket, events, deadline)) {
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0 || (happened & POLLERR) == 0) return error;
      if (Clock::now() >= deadline) break;  // it is in the error queue, to which the kernel adds before it sets the error itself
    }
    return ETIMEDOUT;
  }

  static int expect_back(int socket, std::string_view sent, TimePoint deadline) {
    std::string got(sent.size(), '\0');
    for (size_t size = 0; size < sent.size();) {
      if (const int error = wait_for(socket, POLLIN, deadline)) return error;
      const ssize_t more = ::recv(socket, got.data() + size, got.size() - size, 0);
      if (more < 0) return errno;
      if (more == 0) return ECONNRESET;
      size += static_cast<size_t>(more);
    }
    return got == sent ? 0 : EBADMSG;
  }

  const Options& options_;
  sockaddr_storage target_{};
  socklen_t target_size_;
  std::deque<UniqueFd> kept_;
};

/// nullopt: no such step.
std::optional<Outcome> take(Probe& probe, std::string_view name, size_t count) {
  if (name == "open") return probe.open(count ? count : 1);
  if (name == "echo") return probe.echo(count ? count : kStream.size());
  if (name == "close") return probe.close(count ? count : 1);
  if (name == "refused") return probe.refused(count);
  if (name == "hold") return Probe::hold();
  if (name == "say") return probe.say(count ? count : kStream.size());
  if (name == "hear") return probe.hear();
  if (name == "end") return probe.end();
  if (name == "over") return probe.over();
  if (name == "cycle") return probe.cycle(count);
  return std::nullopt;
}

int run(const Options& options) {
  const auto address = parse_ip(options.address);
  if (!address) {
    fmt::print(stderr, "postern-probe: {} is no IP address\n", options.address);
    return 2;
  }
  sigset_t signals;  // from here on SIGUSR1 waits for `hold`
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGUSR1);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  Probe probe(*address, options);
  bool all_done = true;
  for (const std::string& step : options.steps) {
    const size_t equals = step.find('=');
    const std::string name = step.substr(0, equals);
    const auto outcome = take(probe, name, equals == step.npos ? 0 : std::stoul(step.substr(equals + 1)));
    if (!outcome) {
      fmt::print(stderr, "postern-probe: {} is no step\n", step);
      return 2;
    }
    all_done &= outcome->error == 0;
    fmt::print("{} {}{}\n", name, outcome->done,
               outcome->error ? std::string(" ") + ::strerrorname_np(outcome->error) : std::string());
    std::fflush(stdout);
  }
  return all_done ? 0 : 1;
}

int probe(int argc, char** argv) {
  CLI::App app("Opens sockets to one address and tells what became of them.", "postern-probe");
  Options options;
  app.add_flag("--udp", options.udp, "datagrams instead of connections");
  app.add_option("--limit-ms", options.limit_ms, "of each step")->capture_default_str();
  app.add_option("address", options.address)->required();
  app.add_option("port", options.port)->required();
  app.add_option("steps", options.steps, "open[=N] echo[=BYTES] close[=N] refused=N hold say[=BYTES] hear end over cycle=N")
      ->required();
  CLI11_PARSE(app, argc, argv);
  return run(options);
}

}  // namespace
}  // namespace postern::lab

int main(int argc, char** argv) { return postern::lab::run_program("postern-probe", postern::lab::probe, argc, argv); }
