// command_line.h - the grammar of one command and its --help. CLI11 does the reading, behind this door: it throws, and is large.
//
// Everything is read as text, into what the caller has named; from what was typed to what is meant is the caller's way.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postern/command/say.h"

namespace postern::command {

class CommandLine {
 public:
  struct Words {
    std::string name;         // behind "postern": "run", "bridge up"
    std::string usage;        // "postern run [OPTIONS] [--] CMD..."
    std::string description;  // one sentence
    std::string examples;     // stands last in --help
  };
  explicit CommandLine(const Words& words);
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;
  ~CommandLine();

  /// `names`: "-p,--publish"; `value`: the word in --help that stands for it, "SPEC"; `excludes`: an option, added before, that
  /// may not stand beside this one; `empty`: whether '' is as good as nothing, or a mistake (of a script whose variable is
  /// unset).
  struct Option {
    const char* names;
    const char* help;
    const char* value = nullptr;
    const char* excludes = nullptr;
    enum class Empty : uint8_t { is_default, refused } empty = Empty::is_default;
  };
  /// What is typed to must live as long as this.
  void value(std::string& typed, const Option& option);
  void values(std::vector<std::string>& typed, const Option& option);  // may be given again and again, one value each
  void flag(bool& typed, const Option& option);

  struct Operand {
    const char* name;
    const char* help;
    enum class Presence { required, optional } presence = Presence::required;
  };
  void operand(std::string& typed, const Operand& operand);
  void operands(std::vector<std::string>& typed, const Operand& operand);  // the rest of them; optional ones may be none

  /// Nothing: go on. Otherwise --help was answered, or an error was told, whose status is `usage_status`.
  std::optional<Leave> parse(std::vector<std::string> arguments, int usage_status = kUsage);
  /// Tells an error in what was typed, and where help is.
  Leave complain(std::string_view what, int status = kUsage) const;

  /// Where another program's command line begins in the arguments: after "--", or at the first word that is neither option nor an
  /// option's value. That program's own options are not ours to read.
  size_t find_program(const std::vector<std::string>& arguments) const;

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
  std::string name_;
};

/// -v and -q.
struct Verbosity {
  bool verbose = false, quiet = false;

  void add_to(CommandLine& line);
  /// Sets the level of the log.
  void apply() const;
};

}  // namespace postern::command
