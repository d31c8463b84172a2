// options.h - what the command line of `postern inspect` says, checked; nothing of the host is looked at here.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "postern/command/say.h"

namespace postern::inspect_cli {

using command::Leave;

struct InspectOptions {
  enum class Scope { one, host } scope = Scope::one;
  std::string target = "self";  // of Scope::one: a PID, a path, a name
  enum class Output { text, json } output = Output::text;
  std::optional<std::string> page_file;  // a page of the whole host is written there, "-" is standard output
};

using Options = std::variant<InspectOptions, Leave>;

/// Writes help, or the one line that says what is wrong.
Options parse_options(int argc, char** argv);

}  // namespace postern::inspect_cli
