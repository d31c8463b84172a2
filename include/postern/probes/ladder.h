// ladder.h - by which means this kernel lets us observe packets, found out by using each: a program that does nothing is loaded,
// attached where the kind belongs, and taken away. Configuration and version are no answer: a policy may forbid what they
// promise.
#pragma once

#include <string>
#include <vector>

namespace postern::probes {

struct Rung {
  std::string name;   // "fentry", "tp_btf", "netfilter link"
  std::string gives;  // what a tracer sees by it
  bool works = false;
  std::string why_not;     // "load: Operation not permitted (EPERM)"; empty where it works
  std::string needs;       // the capabilities: "CAP_BPF, CAP_PERFMON"
  bool is_in_use = false;  // by KernelProbes; the others are told for completeness
};

/// In the calling thread's network namespace; where nothing can be tried (no eBPF in this build) every rung says so.
std::vector<Rung> try_ladder();

}  // namespace postern::probes
