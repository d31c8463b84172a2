#include "postern/process/capability.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace postern::process {

namespace {

/// capget(2): the three sets of the calling thread, 64 bits each.
struct Sets {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct halves[_LINUX_CAPABILITY_U32S_3] = {};
};

}  // namespace

bool has_capability(int capability) {
  Sets sets;
  if (::syscall(SYS_capget, &sets.header, sets.halves) != 0) return false;
  return sets.halves[capability / 32].effective >> (capability % 32) & 1;
}

Status keep_only_capability(int capability) {
  Sets had, kept;
  if (::syscall(SYS_capget, &had.header, had.halves) != 0) return fail_errno("capget");
  const int half = capability / 32;
  const uint32_t bit = uint32_t{1} << (capability % 32);
  kept.halves[half].permitted = had.halves[half].permitted & bit;
  kept.halves[half].effective = had.halves[half].effective & bit;
  if (::syscall(SYS_capset, &kept.header, kept.halves) != 0) return fail_errno("capset");
  return {};
}

}  // namespace postern::process
