// detached.cpp - two forks and an exec, watched through two pipes until the program is ready.
//
//   report   who it is, before it becomes another program; then errno, if it could not; ends by close-on-exec
//   word     descriptor 3 of the program: ends when the program has closed it, or has ended
//
// A process is spoken to by its pidfd, which is taken first and compared with the start time after: what the comparison saw is
// then what the descriptor holds.
#include "postern/process/detached.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <optional>
#include <span>
#include <utility>

#include "postern/base/file.h"
#include "postern/base/text.h"
#include "postern/base/unique_fd.h"
#include "postern/process/child.h"
#include "postern/process/signals.h"

namespace postern::process {

namespace {

constexpr int kWord = 3, kReport = 4;
constexpr int kFirstOutOfTheWay = 10;
constexpr size_t kLongestWord = size_t{64} << 10;
constexpr std::chrono::seconds kPatienceWithSigkill{10};  // one in an uninterruptible wait ends when that does
constexpr uint64_t kExiting = 4;                          // PF_EXITING of the kernel's include/linux/sched.h

struct Stat {  // proc_pid_stat(5)
  uint64_t flags = 0;
  uint64_t start_time = 0;
};

Result<Stat> stat_of(pid_t pid) {
  const auto gone = [pid] { return fail(std::errc::no_such_process, "process " + std::to_string(pid)); };
  if (pid <= 0) return gone();
  const Result<std::string> text = read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!text) return gone();
  std::string_view rest = *text;
  const size_t end_of_name = rest.rfind(')');  // the name may hold anything
  if (end_of_name == rest.npos) return gone();
  rest.remove_prefix(end_of_name + 1);
  std::array<std::string_view, 20> fields;  // from the third on
  for (std::string_view& field : fields) field = take_word(rest);
  const auto flags = whole_number<uint64_t>(fields[9 - 3]);
  const auto start_time = whole_number<uint64_t>(fields[22 - 3]);
  if (!flags || !start_time) return gone();
  return Stat{*flags, *start_time};
}

/// Errors: ESRCH.
Result<UniqueFd> open_process(const ProcessIdentity& process) {
  UniqueFd pidfd;
  if (process.pid > 0) pidfd = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!pidfd && process.pid > 0 && errno != ESRCH && errno != EINVAL) return fail_errno("pidfd_open");
  const Result<ProcessIdentity> found = identity_of_process(process.pid);
  if (!pidfd || !found || *found != process) return fail(std::errc::no_such_process, "process " + std::to_string(process.pid));
  return pidfd;
}

/// Whether `fd` became readable (a pidfd: its process ended; a pipe: bytes, or the end) before `deadline`.
bool wait_readable(int fd, TimePoint deadline) {
  pollfd wanted{fd, POLLIN, 0};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    const int ready = ::poll(&wanted, 1, static_cast<int>(std::clamp<int64_t>(left, 0, INT_MAX)));
    if (ready > 0) return true;
    if (ready == 0 && left <= 0) return false;
    if (ready < 0 && errno != EINTR) return false;
  }
}

bool has_ended(const UniqueFd& pidfd) { return wait_readable(pidfd.get(), Clock::now()); }

Status send_signal(const UniqueFd& pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) < 0) return fail_errno("pidfd_send_signal");
  return {};
}

struct Pipe {
  UniqueFd reading, writing;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return fail_errno("pipe2");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

struct Program {
  char* const* argv;
  int report, word;
};

/// In the second child. Only system calls from here to exec.
bool leave_all_behind(const Program& program) {
  // Out of the way first: dup2(2) of a descriptor to its own number would leave it close-on-exec, of another would close it.
  const auto move = [](int fd) { return ::fcntl(fd, F_DUPFD_CLOEXEC, kFirstOutOfTheWay); };
  const int report = move(program.report), word = move(program.word), nothing = move(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (report < 0 || word < 0 || nothing < 0 || ::chdir("/") < 0) return false;
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    if (::dup2(nothing, stream) < 0) return false;
  }
  if (::dup2(word, kWord) < 0 || ::dup3(report, kReport, O_CLOEXEC) < 0) return false;
  return ::syscall(SYS_close_range, kReport + 1, ~0U, 0) == 0;
}

int become(const Program& program) {
  const Result<ProcessIdentity> self = identity_of_process(::getpid());
  if (!self) return 1;
  if (::write(program.report, &*self, sizeof *self) != static_cast<ssize_t>(sizeof *self)) return 1;
  if (!leave_all_behind(program)) return 1;
  restore_default_signals();
  ::execvp(program.argv[0], program.argv);
  const int why = errno;
  return ::write(kReport, &why, sizeof why) < 0 ? 1 : 127;
}

/// The first child's whole life.
int fork_again(const Program& program) {
  ::setsid();
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(become(program));
  return pid < 0 ? 1 : 0;
}

/// Reads `size` bytes; false: the end came first.
bool read_whole(const UniqueFd& fd, void* into, size_t size) {
  for (size_t at = 0; at < size;) {
    const ssize_t got = ::read(fd.get(), static_cast<char*>(into) + at, size - at);
    if (got == 0 || (got < 0 && errno != EINTR)) return false;
    if (got > 0) at += static_cast<size_t>(got);
  }
  return true;
}

/// Errors: ETIMEDOUT; EMSGSIZE.
Result<std::string> read_word(const UniqueFd& word, TimePoint deadline) {
  std::string said;
  std::array<char, 4096> chunk;
  while (said.size() <= kLongestWord) {
    if (!wait_readable(word.get(), deadline)) return fail(std::errc::timed_out, "was not ready in time");
    const ssize_t size = ::read(word.get(), chunk.data(), chunk.size());
    if (size == 0) return said;
    if (size < 0 && errno != EINTR) return fail_errno("read what it says");
    if (size > 0) said.append(chunk.data(), static_cast<size_t>(size));
  }
  return fail(std::errc::message_size, "says too much on descriptor 3");
}

/// One that ends closes its descriptors before it is a zombie; but before that, it is marked.
bool is_ending(const ProcessIdentity& process) {
  const Result<Stat> stat = stat_of(process.pid);
  return !stat || (stat->flags & kExiting) != 0 || !is_running(process);
}

Result<Detached> wait_until_ready(const ProcessIdentity& process, const UniqueFd& word, TimePoint deadline) {
  POSTERN_TRY(said, read_word(word, deadline), "start");
  if (is_ending(process)) {
    const std::string_view last = trim(said);
    return fail("ended before it was ready" + (last.empty() ? std::string() : ": " + std::string(last)));
  }
  if (said.empty()) return fail("closed descriptor 3 without a word");
  return Detached{process, std::move(said)};
}

}  // namespace

Result<ProcessIdentity> identity_of_process(pid_t pid) {
  const Result<Stat> stat = stat_of(pid);
  if (!stat) return Failure(stat.error());
  return ProcessIdentity{pid, stat->start_time};
}

bool is_running(const ProcessIdentity& process) {
  const Result<UniqueFd> pidfd = open_process(process);
  return pidfd && !has_ended(*pidfd);
}

Status signal_process(const ProcessIdentity& process, int signal) {
  POSTERN_TRY(pidfd, open_process(process), "signal");
  if (has_ended(pidfd)) return fail(std::errc::no_such_process, "signal: process " + std::to_string(process.pid));
  return send_signal(pidfd, signal);
}

Status end_process(const ProcessIdentity& process, Duration patience) {
  const Result<UniqueFd> pidfd = open_process(process);
  if (!pidfd && pidfd.error().is(std::errc::no_such_process)) return {};
  if (!pidfd) return within("end process", pidfd.error());
  const std::pair<int, Duration> steps[] = {{SIGTERM, patience}, {SIGKILL, kPatienceWithSigkill}};
  for (const auto& [signal, limit] : steps) {
    const Status sent = send_signal(*pidfd, signal);
    if (!sent && !sent.error().is(std::errc::no_such_process)) return within("end process", sent.error());
    if (wait_readable(pidfd->get(), Clock::now() + limit)) return {};
  }
  return fail(std::errc::timed_out, "process " + std::to_string(process.pid) + " does not end, even by SIGKILL");
}

Result<Detached> start_detached(const std::vector<std::string>& argv, Duration patience) {
  if (argv.empty()) return fail(std::errc::invalid_argument, "start a program without a name");
  const TimePoint deadline = Clock::now() + patience;
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  POSTERN_TRY(report, make_pipe(), argv.front());
  POSTERN_TRY(word, make_pipe(), argv.front());
  const Program program{arguments.data(), report.writing.get(), word.writing.get()};
  POSTERN_TRY(first, Child::fork(0, [&] { return fork_again(program); }), argv.front());
  report.writing.reset();
  word.writing.reset();
  POSTERN_CHECK(first.wait(), argv.front());  // from here on it is init's

  ProcessIdentity process;
  if (!read_whole(report.reading, &process, sizeof process))
    return fail("start " + argv.front() + ": no process could be made ready for it");
  int why = 0;
  if (read_whole(report.reading, &why, sizeof why)) {
    errno = why;
    return fail_errno("start", argv.front());
  }
  Result<Detached> ready = wait_until_ready(process, word.reading, deadline);
  if (ready) return ready;
  POSTERN_CHECK(end_process(process, Duration::zero()), argv.front());
  return within(argv.front(), std::move(ready).error());
}

}  // namespace postern::process
