// ladder.cpp - each way in is gone to its end: loaded, attached, and taken away when its descriptors close.
#include "postern/probes/ladder.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/netfilter.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <charconv>

#include "postern/base/file.h"

#include "trial.h"

namespace postern::probes {
namespace {

constexpr const char* kFunction = "ip_rcv";
constexpr const char* kTracepoint = "kfree_skb";

Status as_status(const Result<UniqueFd>& result) { return result ? Status() : Status(Failure(result.error())); }

/// A program of the kind "tracing" at a function or tracepoint that the kernel's types name.
Status try_tracing(const char* name, bpf_attach_type attach_type) {
  const int id = libbpf_find_vmlinux_btf_id(name, attach_type);
  if (id < 0) {
    errno = -id;
    return fail_errno("find in the kernel's types", name);
  }
  POSTERN_TRY(
      program,
      load_trial({.type = BPF_PROG_TYPE_TRACING, .attach_type = attach_type, .kernel_type_id = static_cast<uint32_t>(id)}), name);
  const UniqueFd link(::bpf_raw_tracepoint_open(nullptr, program.get()));
  if (!link) return fail_errno("attach to", name);
  return {};
}

Status try_fentry() { return try_tracing(kFunction, BPF_TRACE_FENTRY); }
Status try_typed_tracepoint() { return try_tracing(kTracepoint, BPF_TRACE_RAW_TP); }

/// perf_event_open(2): probes of functions are events of a source of their own, whose number is in sysfs.
Status try_kprobe() {
  POSTERN_TRY(program, load_trial({.type = BPF_PROG_TYPE_KPROBE}), kFunction);
  POSTERN_TRY(number, read_file("/sys/bus/event_source/devices/kprobe/type"), "find the source of kprobes");
  perf_event_attr attributes{};
  std::from_chars(number.data(), number.data() + number.size(), attributes.type);
  attributes.size = sizeof attributes;
  attributes.kprobe_func = reinterpret_cast<uint64_t>(kFunction);
  const UniqueFd event(static_cast<int>(::syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!event) return fail_errno("attach to", kFunction);
  if (::ioctl(event.get(), PERF_EVENT_IOC_SET_BPF, program.get()) < 0) return fail_errno("attach to", kFunction);
  return {};
}

Status try_kprobe_multi() {
  POSTERN_TRY(program, load_trial({.type = BPF_PROG_TYPE_KPROBE, .attach_type = BPF_TRACE_KPROBE_MULTI}), kFunction);
  const char* functions[] = {kFunction};
  bpf_link_create_opts options{};
  options.sz = sizeof options;
  options.kprobe_multi.syms = functions;
  options.kprobe_multi.cnt = 1;
  const UniqueFd link(::bpf_link_create(program.get(), 0, BPF_TRACE_KPROBE_MULTI, &options));
  if (!link) return fail_errno("attach to", kFunction);
  return {};
}

Status try_raw_tracepoint() {
  POSTERN_TRY(program, load_trial({.type = BPF_PROG_TYPE_RAW_TRACEPOINT}), kTracepoint);
  const UniqueFd link(::bpf_raw_tracepoint_open(kTracepoint, program.get()));
  if (!link) return fail_errno("attach to", kTracepoint);
  return {};
}

Status try_hook() {
  POSTERN_TRY(program, load_trial({.type = kNetfilterProgram, .attach_type = kNetfilterAttach, .returns = NF_ACCEPT}),
              "a program for a hook");
  constexpr int32_t kFreeMostly = 397;  // behind all that is known (linux/netfilter_ipv4.h)
  return as_status(attach_to_hook(program.get(), {.family = NFPROTO_IPV4, .hook = NF_INET_LOCAL_IN, .priority = kFreeMostly}));
}

Status try_device() {
  constexpr int kNext = -1, kLoopback = 1;  // TCX_NEXT; the index of lo in every namespace
  POSTERN_TRY(program, load_trial({.type = BPF_PROG_TYPE_SCHED_CLS, .attach_type = kTcxIngress, .returns = kNext}), "a program");
  const UniqueFd link(::bpf_link_create(program.get(), kLoopback, static_cast<bpf_attach_type>(kTcxIngress), nullptr));
  if (!link) return fail_errno("attach to", "lo");
  return {};
}

struct Candidate {
  const char* name;
  const char* gives;
  const char* needs;
  Status (*attempt)();
  bool is_in_use;
};
constexpr Candidate kCandidates[] = {
    {"tp_btf", "devices' queues in and out, and drops with their reasons, in all namespaces", "CAP_BPF, CAP_PERFMON",
     try_typed_tracepoint, true},
    {"netfilter link", "each hook of the packet filter, before and after address translation, a namespace each",
     "CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN", try_hook, true},
    {"raw_tp", "as tp_btf, where the kernel does not tell its types", "CAP_BPF, CAP_PERFMON", try_raw_tracepoint, false},
    {"fentry", "any function of the kernel with its arguments", "CAP_BPF, CAP_PERFMON", try_fentry, false},
    {"kprobe", "any function of the kernel", "CAP_BPF, CAP_PERFMON", try_kprobe, false},
    {"kprobe.multi", "many functions of the kernel at once", "CAP_BPF, CAP_PERFMON", try_kprobe_multi, false},
    {"tcx", "one device's packets, in and out", "CAP_BPF, CAP_NET_ADMIN", try_device, false},
};

}  // namespace

std::vector<Rung> try_ladder() {
  libbpf_set_print(nullptr);
  std::vector<Rung> rungs;
  for (const Candidate& each : kCandidates) {
    const Status status = each.attempt();
    rungs.push_back({.name = each.name,
                     .gives = each.gives,
                     .works = status.has_value(),
                     .why_not = status ? "" : status.error().message(),
                     .needs = each.needs,
                     .is_in_use = each.is_in_use});
  }
  return rungs;
}

}  // namespace postern::probes
