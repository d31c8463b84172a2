#include "confinement.h"

#include <linux/capability.h>

#include "postern/api/control_socket.h"
#include "postern/base/libc_syscalls.h"
#include "postern/base/log.h"
#include "postern/dns/syscalls.h"
#include "postern/flow/syscalls.h"
#include "postern/forward/syscalls.h"
#include "postern/loop/syscalls.h"
#include "postern/netlink/syscalls.h"
#include "postern/process/syscalls.h"
#include "postern/relay/syscalls.h"
#include "postern/stack/syscalls.h"

namespace postern::cli {

namespace {

constexpr const char* kResolvConf = "/etc/resolv.conf";
// Where resolv.conf leads to, or may lead to later: it is a link that a program switches when it starts.
constexpr const char* kResolverDirectories[] = {"/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf", "/run/connman"};

std::vector<int> kept_capabilities(const Confinement& confinement) {
  std::vector<int> kept = {CAP_NET_BIND_SERVICE};
  const bool stays_root = !confinement.layers.mounts || sandbox::has_capability(CAP_SYS_ADMIN);
  if (confinement.raw_sockets == Confinement::RawSockets::as_root && stays_root) kept.push_back(CAP_NET_RAW);
  return kept;
}

}  // namespace

std::vector<SyscallRules> syscall_lists() {
  std::vector<SyscallRules> lists = {
      libc_syscalls(), loop::syscalls(),  netlink::syscalls(), process::syscalls(), flow::syscalls(),
      dns::syscalls(), stack::syscalls(), relay::syscalls(),   forward::syscalls(), api::syscalls(),
  };
#ifdef POSTERN_SANITIZED
  lists.push_back(sanitizer_syscalls());
#endif
  return lists;
}

Lock::Lock(const Confinement& confinement) : strictness_(confinement.strictness), advice_(confinement.advice) {
  for (const int folder : confinement.socket_folders) {
    removal_.push_back({"unlinkat", {int_argument_is(0, static_cast<uint32_t>(folder)), int_argument_is(2, 0)}});
  }
  plan_ = {.layers = confinement.layers,
           .directories = confinement.directories,
           .files = {kResolvConf},
           .socket_folders = confinement.socket_folders,
           .capabilities = kept_capabilities(confinement),
           .dumpable = confinement.dumpable,
           .syscalls = syscall_lists(),
           .filter = {}};
  plan_.syscalls.emplace_back(removal_);
  plan_.directories.insert(plan_.directories.end(), std::begin(kResolverDirectories), std::end(kResolverDirectories));
  sandbox::compile_ahead(plan_);
}

Status Lock::close() const {
  const auto missing = sandbox::enter(plan_, strictness_);
  if (!missing) {
    Error error = missing.error();
    error.context += advice_;
    return Failure(std::move(error));
  }
  for (const auto& [layer, why] : *missing) {
    if (layer == sandbox::Layer::landlock) {
      log::debug("sandbox: {}", why.message());
    } else {
      log::warning("sandbox: going on without {}: {}", sandbox::name_of(layer), why.message());
    }
  }
  return {};
}

std::optional<Confinement> confinement_of(SandboxMode mode, std::vector<int> socket_folders) {
  Confinement confinement;
  confinement.socket_folders = std::move(socket_folders);
  switch (mode) {
    case SandboxMode::required: confinement.advice = " (--sandbox=best-effort goes on without)"; break;
    case SandboxMode::best_effort: confinement.strictness = sandbox::Strictness::best_effort; break;
    case SandboxMode::off:
      log::warning("NO SANDBOX: whoever breaks into the relay acts as you on this host (--no-sandbox is for debugging)");
      return std::nullopt;
  }
  return confinement;
}

}  // namespace postern::cli
