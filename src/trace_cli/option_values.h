// option_values.h - from what was typed to what is meant. Pure; each error quotes the option and its value.
#pragma once

#include <string>
#include <vector>

#include "postern/base/result.h"

#include "options.h"

namespace postern::trace_cli {

/// The text of each option as typed; an empty string is an option that was not given.
struct Typed {
  std::vector<std::string> filter = {}, namespaces = {};
  std::string count = {}, limit = {}, follow = {}, html = {}, record = {}, replay = {}, pcap = {};
  bool journey = false, json = false, probe = false;
};

/// Errors: a complaint about the filter is three lines, with a caret under what is meant.
Result<std::variant<TraceOptions, ProbeOptions>> to_options(const Typed& typed);

}  // namespace postern::trace_cli
