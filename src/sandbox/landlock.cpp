// landlock.cpp - raw system calls: neither glibc nor a library that we use has them, and the build's headers may be older than
// the kernel.
#include "landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "postern/base/pretend.h"
#include "postern/base/unique_fd.h"

namespace postern::sandbox {

namespace {

constexpr uint64_t kReading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;

/// The file accesses that an ABI version of the kernel can refuse, landlock(7) "Landlock ABI versions".
constexpr uint64_t accesses_of(long abi) {
  uint64_t accesses = (uint64_t{1} << 13) - 1;
  if (abi >= 2) accesses |= uint64_t{1} << 13;  // REFER
  if (abi >= 3) accesses |= uint64_t{1} << 14;  // TRUNCATE
  if (abi >= 5) accesses |= uint64_t{1} << 15;  // IOCTL_DEV, of devices opened afterwards
  return accesses;
}

Status add_rule(const UniqueFd& ruleset, int beneath, uint64_t accesses) {
  landlock_path_beneath_attr rule{};
  rule.allowed_access = accesses;
  rule.parent_fd = beneath;
  if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0) return {};
  return fail_errno("landlock_add_rule");
}

Status allow_reading(const UniqueFd& ruleset, const std::string& directory) {
  const UniqueFd parent(::open(directory.c_str(), O_PATH | O_CLOEXEC));
  if (!parent) return {};  // it does not exist
  if (add_rule(ruleset, parent.get(), kReading)) return {};
  return add_rule(ruleset, parent.get(), LANDLOCK_ACCESS_FS_READ_FILE);  // a file takes no right of directories
}

}  // namespace

Status allow_files(const std::vector<std::string>& directories, const std::vector<int>& removal_folders) {
  if (pretended_missing("landlock")) return fail(std::errc::function_not_supported, "landlock_create_ruleset");
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 0) return fail_errno("landlock_create_ruleset");
  const uint64_t handled = accesses_of(abi);  // the first member of the structure, and all of it in ABI 1
  const UniqueFd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0)));
  if (!ruleset) return fail_errno("landlock_create_ruleset");
  for (const std::string& directory : directories) {
    POSTERN_CHECK(allow_reading(ruleset, directory), directory);
  }
  for (const int folder : removal_folders) {
    POSTERN_CHECK(add_rule(ruleset, folder, LANDLOCK_ACCESS_FS_REMOVE_FILE), "the socket's folder");
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) < 0) return fail_errno("landlock_restrict_self");
  return {};
}

}  // namespace postern::sandbox
