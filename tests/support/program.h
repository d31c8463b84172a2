// program.h - the outermost frame of the lab's programs.
#pragma once

namespace postern::lab {

constexpr int kOurFailure = 125;  // as env(1) and chroot(1): not the status of a command that was run

/// `program`'s status, or kOurFailure and one line where a library (CLI11, the standard one) threw.
int run_program(const char* name, int (*program)(int, char**), int argc, char** argv) noexcept;

}  // namespace postern::lab
