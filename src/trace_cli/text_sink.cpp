#include "text_sink.h"

#include <unistd.h>

#include "postern/base/file.h"
#include "postern/base/private_file.h"

namespace postern::trace_cli {

namespace {

constexpr size_t kMuch = 65536;

}  // namespace

Result<TextSink> TextSink::file(const std::string& path) {
  auto file = replace_private_file(path);
  if (!file) return Failure(file.error());
  const int number = file->get();
  return TextSink(*std::move(file), number, path);
}

TextSink TextSink::standard_output() { return TextSink({}, STDOUT_FILENO, "standard output"); }

Status TextSink::write(std::string_view text) {
  kept_.append(text);
  return kept_.size() < kMuch ? Status() : flush();
}

Status TextSink::flush() {
  std::string_view rest = kept_;
  Status written = write_all(fd_, rest, name_);
  kept_.erase(0, kept_.size() - rest.size());
  return written;
}

}  // namespace postern::trace_cli
