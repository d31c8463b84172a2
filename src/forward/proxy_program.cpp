// proxy_program.cpp - the process of the loopback proxy: what it keeps of its power, which is next to none, and when it ends.
#include <fmt/format.h>
#include <linux/capability.h>
#include <unistd.h>

#include <csignal>

#include "postern/base/libc_syscalls.h"
#include "postern/base/log.h"
#include "postern/forward/loopback_proxy.h"
#include "postern/forward/syscalls.h"
#include "postern/loop/syscalls.h"
#include "postern/process/inheritance.h"
#include "postern/process/signals.h"
#include "postern/sandbox/sandbox.h"

#include "original_end.h"
#include "rules_watch.h"

namespace postern::forward {

namespace {

/// Of the host's files the state folder alone is left, to be read; of root's powers, that UDP ports below 1024 may be bound.
Status lock_up(const std::string& ports_file) {
  sandbox::Plan plan;
  plan.files = {ports_file};
  plan.capabilities = {CAP_NET_BIND_SERVICE};
  plan.syscalls = {libc_syscalls(), loop::syscalls(), syscalls(), original_end_syscalls()};
#ifdef POSTERN_SANITIZED
  plan.syscalls.push_back(sanitizer_syscalls());
#endif
  POSTERN_TRY(missing, sandbox::enter(plan, sandbox::Strictness::required), "loopback proxy");
  for (const auto& [layer, why] : missing) log::debug("sandbox: {}", why.message());  // landlock: not every kernel has it
  return {};
}

Status tell(UniqueFd ready, const ProxyPorts& ports) {
  const std::string line = fmt::format("{} {}\n", ports.ipv4.number, ports.ipv6.number);
  if (::write(ready.get(), line.data(), line.size()) < 0) return fail_errno("tell the ports of the loopback proxy");
  return {};
}

Status serve(const std::string& ports_file, UniqueFd ready) {
  process::ignore_broken_pipes();
  POSTERN_TRY(signals, process::SignalSource::open({SIGTERM, SIGINT}), "loopback proxy");
  POSTERN_TRY(loop, loop::EventLoop::create(), "loopback proxy");
  bool is_over = false;
  auto ends = loop->make_source([&](uint32_t, uint32_t) { signals.drain([&](const process::Signal&) { is_over = true; }); });
  POSTERN_CHECK(ends.watch(signals.fd(), EPOLLIN), "loopback proxy");
  POSTERN_TRY(proxy, LoopbackProxy::create(*loop, ports_file), "start");
  const auto rules = RulesWatch::open(*loop);
  POSTERN_CHECK(lock_up(ports_file), "sandbox");
  POSTERN_CHECK(tell(std::move(ready), proxy->ports()), "start");
  while (!is_over) POSTERN_CHECK(loop->turn(), "loopback proxy");
  return {};
}

}  // namespace

int run_loopback_proxy(const std::string& ports_file, int ready_fd) {
  const Status served = serve(ports_file, UniqueFd(ready_fd));
  if (served) return 0;
  log::error("{}", served.error().message());
  return 1;
}

}  // namespace postern::forward
