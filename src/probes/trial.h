// trial.h - a program for the kernel that does nothing but return a number, to find out what may be loaded and attached; and the
// one way to attach that libbpf 1.1 has not: a netfilter link, Linux 6.4.
#pragma once

#include <bpf/bpf.h>

#include <cstdint>
#include <string>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::probes {

// Of linux/bpf.h, where that is older than they are.
inline constexpr uint32_t kNetfilterProgram = 32, kNetfilterAttach = 45, kTcxIngress = 46;

/// A hook of the packet filter in the calling thread's network namespace.
struct HookPlace {
  uint32_t family;  // NFPROTO_IPV4, NFPROTO_IPV6
  uint32_t hook;    // NF_INET_PRE_ROUTING, ...
  int32_t priority;
};
/// It is attached as long as the descriptor lives. Errors: EBUSY, another program of this kind has the priority; EPERM.
Result<UniqueFd> attach_to_hook(int program, const HookPlace& place);

struct TrialProgram {
  uint32_t type;
  uint32_t attach_type = 0;
  int returns = 0;
  uint32_t kernel_type_id = 0;  // of the function or tracepoint, where the kind needs one
};
Result<UniqueFd> load_trial(const TrialProgram& program);

/// Whether programs for the packet filter's hooks can be loaded. Errors: EPERM; EINVAL, the kernel knows no such programs.
Status netfilter_programs_load();

}  // namespace postern::probes
