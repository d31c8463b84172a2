// kernel_checks.cpp - what depends on the kernel's version and configuration alone.
#include <fmt/format.h>

#include <cerrno>

#include "checks.h"
#include "remedy.h"

namespace postern::doctor {

namespace {

Finding check_pidfd(const Facts& facts) {
  if (facts.pidfd == 0) return {"pidfd", Verdict::ok, "processes can be held by descriptor", "", ""};
  const bool contained = facts.around.container != Container::none;
  const bool filtered = facts.pidfd != ENOSYS || facts.around.seccomp_filter;
  return {"pidfd", Verdict::missing, fmt::format("pidfd_open: {}", words(facts.pidfd)),
          "run and attach cannot tell when a process ends",
          contained && filtered ? container_option(facts.around, Need::namespaces) : "use Linux 5.3 or newer"};
}

Finding check_landlock(const Facts& facts) {
  if (facts.landlock_version > 0) {
    return {"landlock", Verdict::ok, fmt::format("Landlock version {}", facts.landlock_version), "", ""};
  }
  return {"landlock", Verdict::limited, "the kernel has no Landlock, or it is off",
          "the relay is confined by its other walls only",
          "use Linux 5.13 or newer, with landlock in the lsm= of its command line"};
}

Finding check_btf(const Facts& facts) {
  if (facts.btf) return {"btf", Verdict::ok, "the kernel describes its types (BTF)", "", ""};
  return {"btf", Verdict::limited, "/sys/kernel/btf/vmlinux does not exist", "postern trace",
          "boot a kernel with CONFIG_DEBUG_INFO_BTF"};
}

}  // namespace

std::vector<Finding> check_kernel(const Facts& facts) { return {check_pidfd(facts), check_landlock(facts), check_btf(facts)}; }

}  // namespace postern::doctor
