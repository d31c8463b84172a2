// own_namespace.h - for tests of rooms that talk to the kernel in a network namespace of the test's own.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>

#include "postern/base/result.h"

namespace postern {

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  ASSERT_TRUE(file) << "write " << path;
}

/// New user and network namespaces for this process, root in them. False if this kernel does not let the caller.
inline bool enter_own_namespaces() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) return false;
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1");
  write_file("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
  return true;
}

inline void run(const std::string& command) {
  ASSERT_EQ(std::system(("PATH=/usr/sbin:/sbin:$PATH; " + command).c_str()), 0) << command;
}

inline std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen(("PATH=/usr/sbin:/sbin:$PATH; " + command).c_str(), "r");
  for (int c; (c = std::fgetc(pipe)) != EOF;) text.push_back(static_cast<char>(c));
  ::pclose(pipe);
  return text;
}

template <class T>
T value(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());  // GoogleTest makes it this test's failure
  return *std::move(result);
}

inline testing::AssertionResult ok(const Status& status) {
  return status ? testing::AssertionSuccess() : testing::AssertionFailure() << status.error().message();
}

/// Whether `result` is the failure `expected`; a value or another failure is shown.
template <class T>
testing::AssertionResult fails_with(std::errc expected, const Result<T>& result) {
  if (result) return testing::AssertionFailure() << "it succeeded";
  if (result.error().is(expected)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.error().message();
}

}  // namespace postern
