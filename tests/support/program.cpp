// program.cpp - the fence for what others throw.
#include "program.h"

#include <unistd.h>

#include <cstdio>
#include <exception>

namespace postern::lab {

int run_program(const char* name, int (*program)(int, char**), int argc, char** argv) noexcept {
  try {
    const int status = program(argc, argv);
    std::fflush(nullptr);
    ::_exit(status);  // what a sanitizer would look for now it cannot where /proc is another namespace's
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return kOurFailure;
  }
}

}  // namespace postern::lab
