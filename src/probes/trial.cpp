#include "trial.h"

#include <linux/netfilter.h>
#include <sys/syscall.h>

#include <array>

namespace postern::probes {

Result<UniqueFd> attach_to_hook(int program, const HookPlace& place) {
  struct {  // union bpf_attr of BPF_LINK_CREATE with its member `netfilter`
    uint32_t program, target, attach_type, flags;
    uint32_t family, hook;
    int32_t priority;
    uint32_t hook_flags;
    std::array<uint32_t, 8> rest;
  } request = {.program = static_cast<uint32_t>(program),
               .target = 0,
               .attach_type = kNetfilterAttach,
               .flags = 0,
               .family = place.family,
               .hook = place.hook,
               .priority = place.priority,
               .hook_flags = 0,
               .rest = {}};
  UniqueFd link(static_cast<int>(::syscall(SYS_bpf, BPF_LINK_CREATE, &request, sizeof request)));
  if (!link) return fail_errno("attach to a hook of the packet filter");
  return link;
}

Result<UniqueFd> load_trial(const TrialProgram& program) {
  const std::array<bpf_insn, 2> instructions = {
      bpf_insn{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = program.returns},
      bpf_insn{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  bpf_prog_load_opts options{};
  options.sz = sizeof options;
  options.expected_attach_type = static_cast<bpf_attach_type>(program.attach_type);
  options.attach_btf_id = program.kernel_type_id;
  UniqueFd loaded(::bpf_prog_load(static_cast<bpf_prog_type>(program.type), "postern_trial", "GPL", instructions.data(),
                                  instructions.size(), &options));
  if (!loaded) return fail_errno("load");
  return loaded;
}

Status netfilter_programs_load() {
  POSTERN_CHECK(load_trial({.type = kNetfilterProgram, .attach_type = kNetfilterAttach, .returns = NF_ACCEPT}),
                "a program for the packet filter's hooks");
  return {};
}

}  // namespace postern::probes
