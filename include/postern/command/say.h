// say.h - what is written to a person or a program that reads us, and with what status a command ends. fmt::print throws where
// writing fails: a disk that is full, a descriptor that is closed, a reader who has gone. None of these may end a network.
#pragma once

#include <cstdio>
#include <string_view>

namespace postern::command {

/// Exit statuses of our own failures. (Those of `postern run` are in workload.h, for a command's status passes through it.)
inline constexpr int kFailure = 1;
inline constexpr int kUsage = 2;

/// The command line was answered already (--help, --version), or is wrong and that was said.
struct Leave {
  int status;
};

/// `text` as it is. What cannot be written is lost.
void say(std::FILE* stream, std::string_view text);

/// For a command whose answer is all that it does: `text` to standard output, to its end. Returns the exit status: kFailure where
/// not all could be written, which one line on standard error says.
int answer(std::string_view text);

}  // namespace postern::command
