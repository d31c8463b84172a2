// text_sink.h - a descriptor that text is written to, all of it or an error: standard output, a file.
#pragma once

#include <string>
#include <string_view>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::trace_cli {

class TextSink {
 public:
  /// Errors: those of replace_private_file().
  static Result<TextSink> file(const std::string& path);
  static TextSink standard_output();

  /// Kept until flush(), or until it is much. What an error has left unwritten is kept, and nothing is written twice.
  Status write(std::string_view text);
  Status flush();

 private:
  TextSink(UniqueFd owned, int fd, std::string name) : owned_(std::move(owned)), fd_(fd), name_(std::move(name)) {}

  UniqueFd owned_;
  int fd_;
  std::string name_, kept_;
};

}  // namespace postern::trace_cli
