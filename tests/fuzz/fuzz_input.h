// fuzz_input.h - what the targets share: the entry that libFuzzer and the replayer call, a promise that all views make, and input
// as a command line.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "postern/base/assert.h"
#include "postern/wire/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace postern::fuzz {

/// A view ends where its input does, or before; and may be read.
inline void check_inside(wire::Bytes view, wire::Bytes input) {
  if (view.empty()) return;
  POSTERN_ASSERT(view.data() >= input.data() && view.data() + view.size() <= input.data() + input.size());
}

/// `program`, and each line of the input as an argument.
class CommandLine {
 public:
  CommandLine(std::string program, const uint8_t* data, size_t size) : arguments_{std::move(program), ""} {
    for (size_t i = 0; i < size; ++i) {
      if (data[i] == '\n') {
        arguments_.emplace_back();
      } else if (data[i] != '\0') {  // ends an argument of execve(2)
        arguments_.back().push_back(static_cast<char>(data[i]));
      }
    }
    for (std::string& each : arguments_) argv_.push_back(each.data());
    argv_.push_back(nullptr);
  }
  CommandLine(CommandLine&&) = delete;

  int argc() const { return static_cast<int>(arguments_.size()); }
  char** argv() { return argv_.data(); }

 private:
  std::vector<std::string> arguments_;
  std::vector<char*> argv_;  // into arguments_
};

}  // namespace postern::fuzz
