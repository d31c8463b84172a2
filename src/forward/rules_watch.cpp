#include "rules_watch.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "postern/base/log.h"

namespace postern::forward {

namespace {

constexpr const char* kTable = "postern";

/// Where journald, rsyslogd and their like listen. syslog(3) would connect anew when it likes, which the sandbox forbids.
UniqueFd open_log() {
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strcpy(name.sun_path, "/dev/log");
  if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) < 0) return {};
  return socket;
}

}  // namespace

std::unique_ptr<RulesWatch> RulesWatch::open(loop::EventLoop& loop) {
  auto table = netfilter::TableWatch::open(kTable);
  if (!table) {
    log::debug("a foreign flush of the rules will not be seen: {}", table.error().message());
    return nullptr;
  }
  std::unique_ptr<RulesWatch> watch(new RulesWatch(loop, std::move(*table), open_log()));
  return watch->source_.watch(watch->table_.fd(), EPOLLIN) ? std::move(watch) : nullptr;
}

RulesWatch::RulesWatch(loop::EventLoop& loop, netfilter::TableWatch table, UniqueFd log)
    : loop_(loop),
      table_(std::move(table)),
      log_(std::move(log)),
      source_(loop.make_source([this](uint32_t, uint32_t) { look(); })),
      bell_(loop, [this] { tell(); }) {}

void RulesWatch::look() {
  const bool is_there = table_.poll();
  if (is_there == std::exchange(is_there_, is_there)) return;
  if (is_there) {
    bell_.cancel();
  } else {
    bell_.set(loop_.now() + kReplaced);
  }
}

void RulesWatch::tell() {
  constexpr const char* kWhat =
      "the rules of bridge networks are gone (nft flush ruleset?): published ports do not answer, and nothing is isolated "
      "(postern "
      "bridge reload makes them again)";
  log::warning("{}", kWhat);
  if (!log_) return;
  const std::string line = fmt::format("<{}>postern[{}]: {}", LOG_DAEMON | LOG_ERR, ::getpid(), kWhat);
  if (::write(log_.get(), line.data(), line.size()) < 0) log_.reset();
}

}  // namespace postern::forward
