#include <fcntl.h>
#include <unistd.h>

#include "fuzz_input.h"
#include "options.h"

using namespace postern;

namespace {

/// As it is shown it means the same.
void check_port(const forward::PortSpec& spec) {
  POSTERN_ASSERT(spec.first <= spec.last && spec.count() <= 65535);
  const auto again = forward::parse_port_spec(spec.to_string());
  POSTERN_ASSERT(again && *again == spec);
}

}  // namespace

/// A line is an argument. Whatever they are, they are taken or refused with a status, and nothing is thrown; what is taken keeps
/// the promises that the rooms behind rely on.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::dup2(nowhere, STDOUT_FILENO);  // --help

  fuzz::CommandLine line("postern", data, size);
  const cli::Options options = cli::parse_options(line.argc(), line.argv());
  if (const auto* leave = std::get_if<cli::Leave>(&options)) {
    POSTERN_ASSERT(leave->status == 0 || leave->status == cli::kUsage || leave->status == workload::kOurFailure);
  } else if (const auto* run = std::get_if<cli::RunOptions>(&options)) {
    POSTERN_ASSERT(!run->command.empty());
    POSTERN_ASSERT(!run->network.mtu_bytes || (*run->network.mtu_bytes >= 68 && *run->network.mtu_bytes <= 65521));
    for (const auto& spec : run->network.publish) check_port(spec);
  } else if (const auto* attach = std::get_if<cli::AttachOptions>(&options)) {
    POSTERN_ASSERT(!attach->tap.empty());
  } else if (const auto* ports = std::get_if<cli::PortsOptions>(&options)) {
    POSTERN_ASSERT((ports->action == cli::PortsOptions::Action::list) == (ports->ports.empty() && ports->ids.empty()));
    for (const auto& spec : ports->ports) check_port(spec);
  }
  return 0;
}
