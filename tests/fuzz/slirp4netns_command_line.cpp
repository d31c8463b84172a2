#include <cstdio>

#include "fuzz_input.h"
#include "slirp4netns_options.h"

using namespace postern;

/// A line is an argument. Whatever they are, they are taken or refused with status 0 or 1, and nothing is thrown; what is taken
/// keeps the promises that the rooms behind rely on.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static FILE* const nowhere = std::fopen("/dev/null", "we");
  stdout = stderr = nowhere;  // help and complaints; the fuzzer keeps the streams it has

  fuzz::CommandLine line("slirp4netns", data, size);
  const auto result = cli::parse_slirp4netns_options(line.argc(), line.argv());
  if (const auto* leave = std::get_if<cli::Leave>(&result)) {
    POSTERN_ASSERT(leave->status == 0 || leave->status == cli::kFailure);
    return 0;
  }
  const auto& options = std::get<cli::Slirp4netnsOptions>(result);
  POSTERN_ASSERT(options.network.mtu_bytes >= 68U && options.network.mtu_bytes <= 65521U);
  POSTERN_ASSERT(options.network.cidr && options.network.cidr->prefix_bits() >= 1 && options.network.cidr->prefix_bits() <= 25);
  POSTERN_ASSERT(options.tap.size() < 16 && options.api_socket.size() < 108);
  if (const auto* pid = std::get_if<pid_t>(&options.target)) POSTERN_ASSERT(*pid > 0);
  if (const auto* tap = std::get_if<cli::TapDescriptor>(&options.target)) POSTERN_ASSERT(tap->fd >= 0);
  return 0;
}
