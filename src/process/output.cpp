#include "postern/process/output.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "postern/process/child.h"

namespace postern::process {

namespace {

constexpr int kNotFound = 127, kCannotExecute = 126;  // as a shell has them

/// In the child. With no close_range(2) (Linux before 5.9) descriptors that are not close-on-exec go along.
int execute(std::vector<char*>& arguments, int output) {
  const UniqueFd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (nothing) ::dup2(nothing.get(), STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  constexpr unsigned kFirst = STDERR_FILENO + 1;
  ::syscall(SYS_close_range, kFirst, ~0U, CLOSE_RANGE_CLOEXEC);
  ::execv(arguments[0], arguments.data());
  return errno == ENOENT ? kNotFound : kCannotExecute;
}

Result<std::string> read_to_end(int fd) {
  std::string text;
  char piece[4096];
  for (;;) {
    const ssize_t got = ::read(fd, piece, sizeof piece);
    if (got == 0) return text;
    if (got < 0 && errno != EINTR) return fail_errno("read");
    if (got > 0) text.append(piece, static_cast<size_t>(got));
  }
}

}  // namespace

Result<std::string> output_of_program(const std::vector<std::string>& argv) {
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno("pipe2");
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  POSTERN_TRY(child, Child::fork(0, [&] { return execute(arguments, theirs.get()); }), argv.front());
  theirs.reset();
  POSTERN_TRY(text, read_to_end(ours.get()), argv.front());
  POSTERN_TRY(status, child.wait(), argv.front());
  if (status.success()) return text;
  if (status.code == kNotFound && !status.signalled) return fail(std::errc::no_such_file_or_directory, argv.front());
  return fail(std::errc::state_not_recoverable, argv.front() + " ended with status " + std::to_string(status.as_shell()));
}

}  // namespace postern::process
