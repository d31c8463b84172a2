// protocol_filter.h - what the kernel asks of a packet before it copies it for a packet socket: classic BPF, Linux
// Documentation/networking/filter.rst. Pure.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <vector>

#include "postern/packet_filter/program.h"

namespace postern::trace {

/// Takes packets of the protocols that `program` may match, and of IPv6 those with extension headers too, behind which it may
/// stand. Without such protocols: every packet. What it takes is cut to `most_bytes`.
std::vector<sock_filter> protocol_filter(const pf_program& program, uint32_t most_bytes);

}  // namespace postern::trace
