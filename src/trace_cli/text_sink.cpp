#include "text_sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace postern::trace_cli {

namespace {

constexpr size_t kMuch = 65536;

}  // namespace

Result<TextSink> TextSink::file(const std::string& path, mode_t mode) {
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!file) return fail_errno("write", path);
  struct stat now {};
  const bool is_wider = ::fstat(file.get(), &now) == 0 && S_ISREG(now.st_mode) && (now.st_mode & 0777 & ~mode) != 0;
  if (is_wider && ::fchmod(file.get(), now.st_mode & mode) < 0) return fail_errno("keep from others", path);
  const int number = file.get();
  return TextSink(std::move(file), number, path);
}

TextSink TextSink::standard_output() { return TextSink({}, STDOUT_FILENO, "standard output"); }

Status TextSink::write(std::string_view text) {
  kept_.append(text);
  return kept_.size() < kMuch ? Status() : flush();
}

Status TextSink::flush() {
  std::string_view rest = kept_;
  while (!rest.empty()) {
    const ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno("write to", name_);
    rest.remove_prefix(static_cast<size_t>(written));
  }
  kept_.clear();
  return {};
}

}  // namespace postern::trace_cli
