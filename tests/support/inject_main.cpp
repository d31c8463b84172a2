// inject_main.cpp - postern-inject PID NUMBER [ARGUMENT|@TEXT]...: lets a running process make another system call than the one
// it is about to make, by ptrace(2), and tells what became of it: "killed by 31", "exited", or "lives". A seccomp filter is asked
// after the tracer, so it sees the call as changed. A TEXT is put where the process has its stack, and its address is the
// argument.
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

using Arguments = std::array<unsigned long, 3>;

#if defined(__x86_64__)
void replace_call(pid_t pid, unsigned long number, const Arguments& arguments) {
  user_regs_struct registers{};
  ::ptrace(PTRACE_GETREGS, pid, nullptr, &registers);
  registers.orig_rax = number;
  registers.rdi = arguments[0];
  registers.rsi = arguments[1];
  registers.rdx = arguments[2];
  ::ptrace(PTRACE_SETREGS, pid, nullptr, &registers);
}
#else
void replace_call(pid_t pid, unsigned long number, const Arguments& arguments) {
  user_regs_struct registers{};
  iovec all{&registers, sizeof registers};
  ::ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &all);
  for (size_t i = 0; i < arguments.size(); ++i) registers.regs[i] = arguments[i];
  ::ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &all);
  int call = static_cast<int>(number);
  iovec one{&call, sizeof call};
  ::ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &one);
}
#endif

/// Whether it has stopped where it enters a system call.
bool enters_call(pid_t pid) {
  __ptrace_syscall_info info{};
  const long size = ::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
  return size > 0 && info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

/// Below the stack pointer, and below what the ABI lets a function use there without moving it.
unsigned long put_text(pid_t pid, const char* text, size_t place) {
  constexpr unsigned long kBelow = 4096, kPlaceBytes = 512;
  __ptrace_syscall_info info{};
  ::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
  const unsigned long address = info.stack_pointer - kBelow - place * kPlaceBytes;
  const iovec from{const_cast<char*>(text), std::strlen(text) + 1};
  const iovec to{reinterpret_cast<void*>(address), from.iov_len};  // NOLINT(performance-no-int-to-ptr): of another process
  return ::process_vm_writev(pid, &from, 1, &to, 1, 0) < 0 ? 0 : address;
}

int stop(pid_t pid) {
  if (::ptrace(PTRACE_SEIZE, pid, nullptr, PTRACE_O_TRACESYSGOOD) < 0 || ::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) < 0) {
    std::perror("ptrace");
    return 2;
  }
  for (int status = 0; ::waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status);) {
    if (enters_call(pid)) return 0;
    ::ptrace(PTRACE_SYSCALL, pid, nullptr, nullptr);
  }
  std::puts("ended by itself");
  return 2;
}

/// A stop where the changed call is left says nothing yet: the filter's SIGSYS comes after it.
int after_call(pid_t pid) {
  constexpr int kOfACall = SIGTRAP | 0x80;  // PTRACE_O_TRACESYSGOOD
  int status = 0, calls = 0, signal = 0;
  do {
    ::ptrace(PTRACE_SYSCALL, pid, nullptr, signal);
    if (::waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status)) return status;
    const bool is_call = WSTOPSIG(status) == kOfACall;
    signal = is_call ? 0 : WSTOPSIG(status);
    calls += is_call;
  } while (calls < 2);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::puts("usage: postern-inject PID NUMBER [ARGUMENT|@TEXT]..."), 2;
  const auto pid = static_cast<pid_t>(std::atol(argv[1]));
  if (const int failed = stop(pid); failed) return failed;
  Arguments arguments{};
  for (int i = 3; i < argc && i < 6; ++i) {
    const auto place = static_cast<size_t>(i) - 3;
    arguments[place] = argv[i][0] == '@' ? put_text(pid, argv[i] + 1, place) : std::strtoul(argv[i], nullptr, 0);
  }
  replace_call(pid, std::strtoul(argv[2], nullptr, 0), arguments);
  const int status = after_call(pid);
  if (WIFSIGNALED(status)) return std::printf("killed by %d\n", WTERMSIG(status)), 0;
  if (WIFEXITED(status)) return std::puts("exited"), 0;
  ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  return std::puts("lives"), 0;
}
