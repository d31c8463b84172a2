// sandbox.cpp - the layers in the order in which each still may do what it needs.
#include "postern/sandbox/sandbox.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <utility>

#include "capabilities.h"
#include "filter.h"
#include "landlock.h"
#include "mounts.h"

namespace postern::sandbox {

namespace {

Status take_mounts(const View& view) {
  if (Status left = leave_namespaces(); !left) return left;
  return show_only(view);
}

Status renounce_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return fail_errno("PR_SET_NO_NEW_PRIVS");
  return {};
}

Status take_landlock(const View& view, const std::vector<int>& socket_folders) {
  POSTERN_CHECK(renounce_privileges(), "landlock");
  return allow_files(view.directories, socket_folders);
}

Result<Program> compile_and_tidy(const std::vector<SyscallRules>& lists) {
  auto program = compile(lists);
  ::malloc_trim(0);  // libseccomp's trees are gone; so shall their pages be
  return program;
}

Status take_seccomp(const Plan& plan) {
  POSTERN_CHECK(renounce_privileges(), "seccomp");
  if (plan.filter) return install(*plan.filter);
  const auto program = compile_and_tidy(plan.syscalls);
  return program ? install(*program) : Failure(program.error());
}

Status take_capabilities(const std::vector<int>& kept) {
  POSTERN_CHECK(keep_capabilities(kept), "capabilities");
  return renounce_privileges();
}

/// No core of us with somebody's traffic in it, no new process.
void set_limits(Dumpable dumpable) {
  constexpr rlimit kNone{0, 0};
  ::setrlimit(RLIMIT_CORE, &kNone);
  ::setrlimit(RLIMIT_NPROC, &kNone);
  if (dumpable == Dumpable::no) ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

}  // namespace

#ifdef POSTERN_SANITIZED
namespace {
bool entered = false;
}
/// The search for leaks at the end reads /proc, which is gone by then, by a process that traces us, which is refused.
extern "C" int __lsan_is_turned_off() { return entered; }  // NOLINT(bugprone-reserved-identifier)
#endif

std::string_view name_of(Layer layer) {
  switch (layer) {
    case Layer::mounts: return "mounts";
    case Layer::capabilities: return "capabilities";
    case Layer::landlock: return "landlock";
    case Layer::seccomp: return "seccomp";
  }
  return {};
}

void compile_ahead(Plan& plan) {
  if (!plan.layers.seccomp) return;
  auto program = compile_and_tidy(plan.syscalls);
  if (!program) return;  // enter() meets the same error, and says it
  plan.filter = std::make_shared<const Program>(std::move(*program));
}

Result<std::vector<Missing>> enter(const Plan& plan, Strictness strictness) {
  std::vector<Missing> missing;
  const View view = view_of(plan.directories, plan.files, Host::real());
  const auto took = [&](Layer layer, Status status) -> Status {
    if (status) return {};
    if (strictness == Strictness::required && layer != Layer::landlock) return within(name_of(layer), status.error());
    missing.push_back({layer, std::move(status).error()});
    return {};
  };
#ifdef POSTERN_SANITIZED
  entered = true;
#endif
  if (plan.layers.mounts) POSTERN_CHECK(took(Layer::mounts, take_mounts(view)), "sandbox");
  set_limits(plan.dumpable);
  if (plan.layers.capabilities) POSTERN_CHECK(took(Layer::capabilities, take_capabilities(plan.capabilities)), "sandbox");
  if (plan.layers.landlock) POSTERN_CHECK(took(Layer::landlock, take_landlock(view, plan.socket_folders)), "sandbox");
  if (plan.layers.seccomp) POSTERN_CHECK(took(Layer::seccomp, take_seccomp(plan)), "sandbox");
  return missing;
}

}  // namespace postern::sandbox
