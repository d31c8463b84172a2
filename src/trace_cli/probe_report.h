// probe_report.h - the matrix of `postern trace --probe`. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "postern/probes/ladder.h"

namespace postern::trace_cli {

/// `build`: what this Postern was built with.
std::string probe_text(std::span<const probes::Rung> rungs, std::string_view build);
std::string probe_json(std::span<const probes::Rung> rungs, std::string_view build);

}  // namespace postern::trace_cli
