// decode.h - a record of the ring buffer becomes an event. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "postern/journey/event.h"

namespace postern::probes {

/// What the kernel's numbers are called; they differ from kernel to kernel.
struct KernelNames {
  std::function<std::string(uint32_t)> drop_reason;  // "NETFILTER_DROP"
  std::function<std::string(uint64_t)> function;     // "nft_do_chain"; empty: not known
};

/// Nothing: these bytes are no record, or one that misleads (see decode.cpp).
std::optional<journey::Event> decode(std::span<const uint8_t> bytes, const KernelNames& names);

}  // namespace postern::probes
