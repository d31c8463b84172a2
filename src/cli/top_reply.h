// top_reply.h - from the answers of a running postern to what `postern top` looks at, and from there to a line for programs.
// JSON, which throws, is fenced into its source.
#pragma once

#include <string_view>

#include "top_sample.h"

namespace postern::cli {

inline constexpr std::string_view kFlowsRequest = R"({"execute":"list_flows"})";

/// Of the answer to `status`.
Result<Watched> read_watched(std::string_view status, TimePoint now);
/// Of the answers to `list_flows` and `counters`.
Result<Sample> read_sample(std::string_view flows, std::string_view counters, TimePoint now);

/// One object on one line, with its end. Flows stand in `order`.
std::string top_json(const Watched& watched, const Sample& now, const Change& change, const std::vector<size_t>& order);

}  // namespace postern::cli
