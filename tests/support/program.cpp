// program.cpp - the fence for what others throw.
#include "program.h"

#include <cstdio>
#include <exception>

namespace postern::lab {

int run_program(const char* name, int (*program)(int, char**), int argc, char** argv) noexcept {
  try {
    return program(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return kOurFailure;
  }
}

}  // namespace postern::lab
