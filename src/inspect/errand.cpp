#include "errand.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "postern/base/file.h"
#include "postern/base/text.h"
#include "postern/process/child.h"

namespace postern::inspect {

namespace {

constexpr size_t kMostBrought = size_t{128} << 20;
constexpr std::chrono::milliseconds kForDying{1000};  // from SIGKILL on

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

/// What we have mapped already, proc_pid_statm(5): a child has it too.
size_t own_bytes() {
  const std::string text = read_file("/proc/self/statm").value_or("");
  std::string_view rest = text;
  return whole_number<size_t>(take_word(rest)).value_or(0) * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

/// Where there is no more, the C++ runtime or libnftables ends the process: without a word, and without a core.
void limit_memory(size_t bytes) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max = std::min<rlim_t>(limit.rlim_max, own_bytes() + bytes);
  ::setrlimit(RLIMIT_AS, &limit);
  constexpr rlimit kNone{};
  ::setrlimit(RLIMIT_CORE, &kNone);
  const UniqueFd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (nowhere) ::dup2(nowhere.get(), STDERR_FILENO);
}

#else

void limit_memory(size_t) {}  // their shadows are larger than any limit

#endif

Errand::Ending end_of(process::Child& child, std::chrono::milliseconds most) {
  const auto ended = child.wait_at_most(most);
  if (ended && *ended) return (*ended)->success() ? Errand::Ending::done : Errand::Ending::died;
  (void)child.signal(SIGKILL);
  const auto killed = child.wait_at_most(kForDying);
  if (!killed || !*killed) child.abandon();
  return Errand::Ending::late;
}

}  // namespace

Result<Errand> run_errand(const Limits& limits, const std::function<int(const UniqueFd& memory)>& body) {
  const UniqueFd memory(::memfd_create("errand", MFD_CLOEXEC));
  if (!memory) return fail_errno("memfd_create");
  POSTERN_TRY(child,
              process::Child::fork(0,
                                   [&]() noexcept {  // what is thrown for want of memory ends it here
                                     limit_memory(limits.memory_bytes);
                                     return body(memory);
                                   }),
              "inspect");
  Errand errand;
  errand.ending = end_of(child, limits.time);
  auto bytes = read_file(path_of(memory), kMostBrought);
  if (!bytes) return Failure(bytes.error());
  errand.brought = std::move(*bytes);
  return errand;
}

void close_all_but(const UniqueFd& memory) {
  const auto kept = static_cast<unsigned>(memory.get());
  if (kept > 0) ::close_range(0, kept - 1, 0);
  ::close_range(kept + 1, UINT_MAX, 0);
}

Status write_all(const UniqueFd& memory, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(memory.get(), bytes.data(), bytes.size());
    if (written < 0) return fail_errno("write");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

}  // namespace postern::inspect
