// load_main.cpp - postern-load: the small loads of tests/bench that no packaged client gives, each printing one line of JSON.
//
//   rr ADDRESS PORT SECONDS    one connection, a byte there and back, again and again     (server: postern-echo)
//   crr ADDRESS PORT SECONDS   connect, a byte there and back, close, again and again     (server: postern-echo)
//   hold ADDRESS PORT COUNT    opens COUNT connections, proves each by a byte, keeps them until standard input ends
//   connect ADDRESS PORT       how long one connect takes: whether the path is as long as it should be
//   first-byte ADDRESS PORT    from `stamp` to the first byte of an answer over HTTP; with a third argument, connects
//                              only after a line on standard input (whoever runs it says when the network is there)
//   stamp CMD...               notes the time and becomes CMD; a clock of the whole machine, so namespaces do not matter
//
// All synchronous and of one thread: what is measured is the path, not the client.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "postern/base/clock.h"
#include "postern/base/result.h"
#include "postern/base/unique_fd.h"
#include "postern/process/inheritance.h"

namespace postern::bench {
namespace {

constexpr const char* kStampVariable = "POSTERN_LOAD_START_NS";
constexpr timeval kPatience{5, 0};  // a path that is silent for so long is broken

int64_t now_ns() { return std::chrono::nanoseconds(Clock::now().time_since_epoch()).count(); }

Result<UniqueFd> connect_to(const sockaddr_in& server) {
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("socket");
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);  // connect(2) too, socket(7)
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server) < 0) return fail_errno("connect");
  return socket;
}

Status ping_pong(const UniqueFd& socket) {
  char byte = 'x';
  if (::send(socket.get(), &byte, 1, MSG_NOSIGNAL) != 1) return fail_errno("send");
  const ssize_t got = ::recv(socket.get(), &byte, 1, 0);
  if (got < 0) return fail_errno("receive");
  return got == 1 ? Status() : fail("receive: the server closed the connection");
}

enum class OnFailure { stop, count };

Status repeat(std::chrono::seconds length, OnFailure on_failure, const std::function<Status()>& once) {
  uint64_t done = 0, failed = 0;
  const TimePoint start = Clock::now(), end = start + length;
  TimePoint now = start;
  Status last;
  for (; now < end; now = Clock::now()) {
    last = once();
    if (!last && on_failure == OnFailure::stop) return last;
    ++(last ? done : failed);
  }
  if (done == 0) return last;
  fmt::print("{{\"done\": {}, \"failed\": {}, \"seconds\": {:.6f}}}\n", done, failed,
             std::chrono::duration<double>(now - start).count());
  return {};
}

Status request_response(const sockaddr_in& server, unsigned seconds) {
  POSTERN_TRY(socket, connect_to(server), "rr");
  return repeat(std::chrono::seconds(seconds), OnFailure::stop, [&socket = socket] { return ping_pong(socket); });
}

Status connect_request_close(const sockaddr_in& server, unsigned seconds) {
  return repeat(std::chrono::seconds(seconds), OnFailure::count, [&server]() -> Status {
    POSTERN_TRY(socket, connect_to(server), "crr");
    return ping_pong(socket);
  });
}

Status hold(const sockaddr_in& server, unsigned count) {
  process::raise_file_limit();
  std::vector<UniqueFd> sockets;
  Status last;
  while (last && sockets.size() < count) {
    auto socket = connect_to(server);
    last = socket ? ping_pong(*socket) : Status(tl::unexpected(socket.error()));
    if (last) sockets.push_back(*std::move(socket));
  }
  if (sockets.empty() && !last) return within("hold", last.error());
  fmt::print("{{\"held\": {}, \"stopped_by\": \"{}\"}}\n", sockets.size(), last ? "" : last.error().message());
  std::fflush(stdout);
  char none = 0;
  while (::read(STDIN_FILENO, &none, 1) > 0) {
  }
  return {};
}

Status connect_once(const sockaddr_in& server) {
  const int64_t start = now_ns();
  POSTERN_TRY(socket, connect_to(server), "connect");
  fmt::print("{{\"milliseconds\": {:.3f}}}\n", static_cast<double>(now_ns() - start) / 1e6);
  return {};
}

Status first_byte(const sockaddr_in& server, bool wait_for_line) {
  constexpr std::string_view kRequest = "GET / HTTP/1.0\r\n\r\n";
  const char* stamped = std::getenv(kStampVariable);
  if (!stamped) return fail("first-byte: not started by `postern-load stamp`");
  char byte = 0;
  if (wait_for_line) {
    fmt::print("up\n");
    std::fflush(stdout);
    if (::read(STDIN_FILENO, &byte, 1) != 1) return fail("first-byte: nobody said that the network is there");
  }
  POSTERN_TRY(socket, connect_to(server), "first-byte");
  if (::send(socket.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0) return fail_errno("send");
  if (::recv(socket.get(), &byte, 1, 0) != 1) return fail_errno("receive");
  const int64_t end = now_ns();
  fmt::print("{{\"milliseconds\": {:.3f}}}\n", static_cast<double>(end - std::atoll(stamped)) / 1e6);
  return {};
}

Status stamp(char** command) {
  ::setenv(kStampVariable, std::to_string(now_ns()).c_str(), 1);
  ::execvp(command[0], command);
  return fail_errno("exec", command[0]);
}

template <class Number>
bool parse(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

Status run(int argc, char** argv) {
  const Failure usage = fail(
      "usage: postern-load rr|crr ADDRESS PORT SECONDS | hold ADDRESS PORT COUNT | connect ADDRESS PORT | "
      "first-byte ADDRESS PORT [wait] | stamp CMD...");
  const std::string_view load = argc > 1 ? argv[1] : "";
  if (load == "stamp" && argc > 2) return stamp(argv + 2);
  sockaddr_in server{};
  server.sin_family = AF_INET;
  uint16_t port = 0;
  if (argc < 4 || ::inet_pton(AF_INET, argv[2], &server.sin_addr) != 1 || !parse(argv[3], port)) return usage;
  server.sin_port = htons(port);
  if (load == "connect") return connect_once(server);
  if (load == "first-byte") return first_byte(server, argc > 4);
  unsigned number = 0;
  if (argc != 5 || !parse(argv[4], number)) return usage;
  if (load == "rr") return request_response(server, number);
  if (load == "crr") return connect_request_close(server, number);
  return load == "hold" ? hold(server, number) : Status(usage);
}

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  const auto done = postern::bench::run(argc, argv);
  if (!done) fmt::print(stderr, "postern-load: {}\n", done.error().message());
  return done ? 0 : 1;
}
