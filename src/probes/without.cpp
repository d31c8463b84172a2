// without.cpp - the doors of a build that has no eBPF: they say so, and why.
#include "postern/probes/build.h"
#include "postern/probes/kernel_probes.h"
#include "postern/probes/ladder.h"

namespace postern::probes {

class KernelProbes::Attached {};

KernelProbes::KernelProbes(std::unique_ptr<Attached> attached) : attached_(std::move(attached)) {}
KernelProbes::~KernelProbes() = default;

// NOLINTNEXTLINE(performance-unnecessary-value-param): the door is the same
Result<std::unique_ptr<KernelProbes>> KernelProbes::attach(loop::EventLoop&, const ProbeConfig&, journey::EventSink) {
  return fail(std::errc::not_supported, "observe in the kernel: this Postern was built " + std::string(build_text()));
}

// There is no object to call these of.
Status KernelProbes::add_namespace(int) { return {}; }
void KernelProbes::remove_namespace(uint64_t) {}
const std::string& KernelProbes::missing() const {
  static const std::string kNothing;
  return kNothing;
}
uint64_t KernelProbes::lost() const { return 0; }
void KernelProbes::drain() {}

std::vector<Rung> try_ladder() {
  return {
      {.name = "eBPF", .gives = "what happens inside the kernel", .why_not = "built " + std::string(build_text()), .needs = ""}};
}

}  // namespace postern::probes
