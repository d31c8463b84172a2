// stream_main.cpp - postern-stream: as many bytes as wanted from one host to another, and their hash at both ends, without a
// file.
//
//   postern-stream [--listen] ADDRESS PORT --send BYTES      sends them, waits until the other end has all, writes "BYTES HASH"
//   postern-stream [--listen] ADDRESS PORT                   writes what came until the end: "BYTES HASH"
//
// --listen: waits on its own ADDRESS for one connection. Why our own: sha256sum at both ends takes longer than the way between.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "postern/base/address.h"
#include "postern/base/result.h"
#include "postern/base/socket_address.h"
#include "postern/base/unique_fd.h"

#include "program.h"

namespace postern::lab {
namespace {

struct Options {
  bool listens = false;
  std::string address;
  uint16_t port = 0;
  uint64_t send_bytes = 0;
};

using Block = std::vector<uint64_t>;
constexpr size_t kBlockWords = size_t{1} << 17;

/// What has gone by. Each word turns the hash around by a bijection, so one wrong word cannot go unnoticed, nor two that changed
/// places but by chance.
class Account {
 public:
  void add(std::span<const uint64_t> words, size_t bytes) {
    for (const uint64_t word : words) {
      hash_ = (hash_ ^ word) * 0x9e3779b97f4a7c15;  // odd
      hash_ ^= hash_ >> 32;
    }
    bytes_ += bytes;
  }
  std::string text() const { return fmt::format("{} {:016x}\n", bytes_, hash_); }
  uint64_t bytes() const { return bytes_; }

 private:
  uint64_t hash_ = 0, bytes_ = 0;
};

/// No two blocks alike: splitmix64, https://prng.di.unimi.it/splitmix64.c
void fill(Block& block, uint64_t& state) {
  for (uint64_t& word : block) {
    uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    word = z ^ (z >> 31);
  }
}

Result<UniqueFd> connection(const Options& options) {
  const auto ip = parse_ip(options.address);
  if (!ip) return fail(std::errc::invalid_argument, options.address);
  const SocketAddress address(*ip, Port{options.port});
  UniqueFd socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("socket");
  if (!options.listens) {
    if (::connect(socket.get(), address.get(), address.size()) < 0) return fail_errno("connect", options.address);
    return socket;
  }
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.get(), address.get(), address.size()) < 0) return fail_errno("bind", options.address);
  if (::listen(socket.get(), 1) < 0) return fail_errno("listen");
  UniqueFd accepted(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!accepted) return fail_errno("accept");
  return accepted;
}

Status send_all(int socket, uint64_t bytes, Account& account) {
  Block block(kBlockWords);
  uint64_t state = 0;
  while (account.bytes() < bytes) {
    fill(block, state);
    const size_t some = std::min<uint64_t>(bytes - account.bytes(), kBlockWords * sizeof(uint64_t));
    for (size_t sent = 0; sent < some;) {
      const ssize_t more = ::send(socket, reinterpret_cast<const char*>(block.data()) + sent, some - sent, MSG_NOSIGNAL);
      if (more < 0) return fail_errno("send");
      sent += static_cast<size_t>(more);
    }
    account.add(std::span(block).first(some / sizeof(uint64_t)), some);
  }
  ::shutdown(socket, SHUT_WR);
  uint64_t nothing = 0;
  if (::recv(socket, &nothing, sizeof nothing, 0) != 0) return fail_errno("the other end's end");
  return {};
}

Status receive_all(int socket, Account& account) {
  Block block(kBlockWords);
  for (;;) {
    const ssize_t got = ::recv(socket, block.data(), kBlockWords * sizeof(uint64_t), MSG_WAITALL);
    if (got < 0) return fail_errno("recv");
    if (got == 0) return {};
    account.add(std::span(block).first(static_cast<size_t>(got) / sizeof(uint64_t)), static_cast<size_t>(got));
  }
}

Status run(const Options& options) {
  POSTERN_TRY(socket, connection(options), "connection");
  Account account;
  POSTERN_CHECK(options.send_bytes ? send_all(socket.get(), options.send_bytes, account) : receive_all(socket.get(), account),
                account.text());
  fmt::print("{}", account.text());
  return {};
}

int stream(int argc, char** argv) {
  CLI::App app("Carries bytes from one host to another and tells their hash.", "postern-stream");
  Options options;
  app.add_flag("--listen", options.listens);
  app.add_option("--send", options.send_bytes, "a multiple of 8");
  app.add_option("address", options.address)->required();
  app.add_option("port", options.port)->required();
  CLI11_PARSE(app, argc, argv);
  const Status done = run(options);
  if (!done) fmt::print(stderr, "postern-stream: {}\n", done.error().message());
  return done ? 0 : 1;
}

}  // namespace
}  // namespace postern::lab

int main(int argc, char** argv) { return postern::lab::run_program("postern-stream", postern::lab::stream, argc, argv); }
