// nft_conditions.h - which packets the kernel is to mark for a trace, in nft's words. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "postern/journey/following.h"

namespace postern::trace {

/// A condition a rule; empty: every packet. Those of the filter, and where connections are followed, those of their answers: the
/// same with source and destination exchanged. They may be too many, which Following knows.
std::vector<std::string> conditions_to_mark(const packet_filter::Filter& filter, journey::Following::Extent extent);

/// "ip saddr 10.0.0.2 tcp dport 80" -> "ip daddr 10.0.0.2 tcp sport 80"
std::string with_sides_exchanged(std::string_view condition);

}  // namespace postern::trace
