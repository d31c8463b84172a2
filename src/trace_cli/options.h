// options.h - what the command line of `postern trace` says, checked; nothing of the host is looked at here.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "postern/command/say.h"
#include "postern/packet_filter/filter.h"

namespace postern::trace_cli {

using command::Leave;

/// What standard output shows.
enum class Form { lines, journeys, json };
enum class Follow { connection, packet };

struct TraceOptions {
  packet_filter::Filter filter;
  std::vector<std::string> namespaces;  // "all", a PID, a path, a name; empty: what fits the caller
  std::optional<uint64_t> count;        // packets
  std::optional<std::chrono::seconds> limit;
  Follow follow = Follow::connection;
  Form form = Form::lines;
  std::string html, record, replay, pcap;  // files; empty: none
};

/// What this host can show, and to whom.
struct ProbeOptions {
  Form form = Form::lines;
};

using Options = std::variant<TraceOptions, ProbeOptions, Leave>;

/// Writes help, or what is wrong.
Options parse_options(int argc, char** argv);

}  // namespace postern::trace_cli
