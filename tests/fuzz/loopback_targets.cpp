#include "loopback_targets.h"

#include <string_view>

#include "fuzz_input.h"

using namespace postern;
using forward::LoopbackTargets;

/// The file `ports`: whatever it says, a client is led to a container's address and to a port, and never to the host itself.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto reading = LoopbackTargets::parse(text);
  POSTERN_ASSERT(reading.complaints.size() <= LoopbackTargets::kMostComplaints);
  POSTERN_ASSERT(reading.complaints.size() <= reading.wrong_lines);
  for (const auto& complaint : reading.complaints) {
    for (const char each : complaint.what) POSTERN_ASSERT(each >= ' ' && each < '\x7f');
  }
  constexpr size_t kMost = 100;
  const auto ports = reading.targets.datagram_ports(kMost);
  POSTERN_ASSERT(ports.size() <= kMost);
  for (const stack::Endpoint& at : ports) {
    POSTERN_ASSERT(is_loopback(at.address) && at.port.number != 0);
    const auto target = reading.targets.find(stack::Protocol::udp, at);
    POSTERN_ASSERT(target);
    const stack::Endpoint to = target->for_client(at.address);
    POSTERN_ASSERT(!is_loopback(to.address) && to.port.number != 0);
  }
  return 0;
}
