// filter.cpp - libseccomp makes the program of the lists; in front of it stands what libseccomp 2.5 cannot say: ENOSYS for every
// number above a limit.
#include "filter.h"

#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>

#include "postern/base/pretend.h"
#include "postern/base/unique_fd.h"

namespace postern::sandbox {

namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the system call filter knows x86-64 and aarch64"
#endif
constexpr uint32_t kX32 = 0x40000000;  // on x86-64: the same architecture, another table. Elsewhere: above all numbers

struct ReleaseFilter {
  void operator()(scmp_filter_ctx context) const { ::seccomp_release(context); }
};
using Filter = std::unique_ptr<void, ReleaseFilter>;

Failure fail_with(int negative_errno, std::string context) {
  return Failure(Error{std::error_code(-negative_errno, std::system_category()), std::move(context)});
}

Status add(const Filter& filter, const SyscallRule& rule) {
  const int number = ::seccomp_syscall_resolve_name(std::string(rule.name).c_str());
  if (number < 0) return {};  // this architecture, or this libseccomp, does not have it
  std::array<scmp_arg_cmp, std::tuple_size_v<decltype(rule.conditions)>> comparisons{};
  unsigned count = 0;
  const uint32_t action = rule.refusal ? SCMP_ACT_ERRNO(static_cast<uint32_t>(rule.refusal)) : SCMP_ACT_ALLOW;
  for (const ArgumentIs& condition : rule.conditions) {
    if (condition.mask) comparisons[count++] = {condition.argument, SCMP_CMP_MASKED_EQ, condition.mask, condition.value};
  }
  const int added = ::seccomp_rule_add_array(filter.get(), action, number, count, comparisons.data());
  if (added < 0 && added != -EEXIST) return fail_with(added, fmt::format("allow {}", rule.name));
  return {};
}

Result<Program> export_program(const Filter& filter) {
  const UniqueFd file(::memfd_create("filter", MFD_CLOEXEC));
  if (!file) return fail_errno("memfd_create");
  if (const int exported = ::seccomp_export_bpf(filter.get(), file.get()); exported < 0) return fail_with(exported, "export");
  const off_t bytes = ::lseek(file.get(), 0, SEEK_END);
  if (bytes < 0) return fail_errno("measure the filter");
  Program program(static_cast<size_t>(bytes) / sizeof(sock_filter));
  if (::pread(file.get(), program.data(), static_cast<size_t>(bytes), 0) != bytes) return fail_errno("read the filter");
  return program;
}

Program guard() {
  return {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, newest_syscall(), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
  };
}

}  // namespace

Result<Program> compile(std::span<const SyscallRules> lists) {
  const Filter filter(::seccomp_init(SCMP_ACT_KILL_PROCESS));
  if (!filter) return fail(std::errc::not_enough_memory, "seccomp_init");
  constexpr uint32_t kBinaryTree = 2;
  ::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, kBinaryTree);  // libseccomp 2.5; before: a longer chain
  for (const SyscallRules& list : lists) {
    for (const SyscallRule& rule : list) POSTERN_CHECK(add(filter, rule), "system call filter");
  }
  POSTERN_TRY(body, export_program(filter), "system call filter");
  Program program = guard();
  program.insert(program.end(), body.begin(), body.end());
  return program;
}

Status install(const Program& program) {
  if (pretended_missing("seccomp")) return fail(std::errc::function_not_supported, "seccomp");
  sock_fprog whole{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &whole) < 0) return fail_errno("seccomp");
  return {};
}

}  // namespace postern::sandbox
