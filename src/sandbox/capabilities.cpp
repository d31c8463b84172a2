#include "capabilities.h"

#include <fmt/format.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include <algorithm>
#include <memory>
#include <type_traits>

#include "postern/sandbox/sandbox.h"

namespace postern::sandbox {

namespace {

struct FreeCapabilities {
  void operator()(cap_t set) const { ::cap_free(set); }
};
using CapabilitySet = std::unique_ptr<std::remove_pointer_t<cap_t>, FreeCapabilities>;

bool is_permitted(cap_t set, int capability) {
  cap_flag_value_t value = CAP_CLEAR;
  return ::cap_get_flag(set, capability, CAP_PERMITTED, &value) == 0 && value == CAP_SET;
}

Status drop_bounding(const std::vector<int>& kept) {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {  // EINVAL: one more than the kernel has
    const bool stays = std::find(kept.begin(), kept.end(), capability) != kept.end();
    if (stays || ::prctl(PR_CAPBSET_READ, capability) == 0) continue;
    if (::prctl(PR_CAPBSET_DROP, capability) < 0) return fail_errno("drop capability", std::to_string(capability));
  }
  return {};
}

}  // namespace

bool has_capability(int capability) {
  const CapabilitySet ours(::cap_get_proc());
  cap_flag_value_t value = CAP_CLEAR;
  return ours && ::cap_get_flag(ours.get(), capability, CAP_EFFECTIVE, &value) == 0 && value == CAP_SET;
}

Status keep_capabilities(const std::vector<int>& kept) {
  POSTERN_CHECK(drop_bounding(kept), "bounding set");
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);  // follows from the inheritable set all the same
  const CapabilitySet ours(::cap_get_proc()), wanted(::cap_init());
  if (!ours || !wanted) return fail_errno("read our capabilities");
  for (const int capability : kept) {
    if (!is_permitted(ours.get(), capability)) continue;
    for (const cap_flag_t set : {CAP_PERMITTED, CAP_EFFECTIVE}) ::cap_set_flag(wanted.get(), set, 1, &capability, CAP_SET);
  }
  if (::cap_set_proc(wanted.get()) < 0) return fail_errno("capset");
  return {};
}

}  // namespace postern::sandbox
