// command_line.cpp - CLI11, which is fenced into this file.
#include "postern/command/command_line.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <sstream>

#include "postern/base/log.h"

namespace postern::command {

namespace {

/// CLI11 makes up a usage line of its own, which cannot say "[--] CMD...".
class WithUsage : public CLI::Formatter {
 public:
  explicit WithUsage(std::string usage) : usage_(std::move(usage)) { column_width(32); }
  std::string make_usage(const CLI::App*, std::string) const override { return "Usage: " + usage_ + "\n"; }

 private:
  std::string usage_;
};

bool takes_a_value(const CLI::App& app, const std::string& argument) {
  const bool is_long = argument.compare(0, 2, "--") == 0;
  const std::string name = is_long ? argument.substr(0, argument.find('=')) : argument.substr(0, 2);
  if (name.size() < argument.size()) return false;  // it has its value with it
  const CLI::Option* option = app.get_option_no_throw(name);
  return option && option->get_items_expected_max() > 0;
}

void finish(CLI::App& app, CLI::Option* added, const CommandLine::Option& option) {
  if (option.value) added->type_name(option.value);
  if (option.excludes) added->excludes(app.get_option(option.excludes));
  if (option.empty == CommandLine::Option::Empty::refused) {
    added->check([](const std::string& typed) { return std::string(typed.empty() ? "an empty value means nothing" : ""); });
  }
}

}  // namespace

struct CommandLine::Parser {
  explicit Parser(const Words& words) : app(words.description, words.name) {}
  CLI::App app;
};

CommandLine::CommandLine(const Words& words) : parser_(std::make_unique<Parser>(words)), name_(words.name) {
  parser_->app.formatter(std::make_shared<WithUsage>(words.usage));
  parser_->app.footer(words.examples);
}

CommandLine::~CommandLine() = default;

void CommandLine::value(std::string& typed, const Option& option) {
  finish(parser_->app, parser_->app.add_option(option.names, typed, option.help), option);
}

void CommandLine::values(std::vector<std::string>& typed, const Option& option) {
  finish(parser_->app, parser_->app.add_option(option.names, typed, option.help)->allow_extra_args(false), option);
}

void CommandLine::flag(bool& typed, const Option& option) {
  finish(parser_->app, parser_->app.add_flag(option.names, typed, option.help), option);
}

void CommandLine::operand(std::string& typed, const Operand& operand) {
  parser_->app.add_option(operand.name, typed, operand.help)->required(operand.presence == Operand::Presence::required);
}

void CommandLine::operands(std::vector<std::string>& typed, const Operand& operand) {
  parser_->app.add_option(operand.name, typed, operand.help)->required(operand.presence == Operand::Presence::required);
}

/// CLI11's only way to speak is by exceptions.
std::optional<Leave> CommandLine::parse(std::vector<std::string> arguments, int usage_status) {
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  try {
    parser_->app.parse(std::move(arguments));
    return std::nullopt;
  } catch (const CLI::Success& success) {
    std::ostringstream help;
    parser_->app.exit(success, help);
    return Leave{answer(help.str())};
  } catch (const CLI::ParseError& error) {
    std::string what = error.what();
    std::replace(what.begin(), what.end(), '\n', ' ');
    return complain(what, usage_status);
  }
}

Leave CommandLine::complain(std::string_view what, int status) const {
  log::error("{}: {} (postern {} --help)", name_, what, name_);
  return {status};
}

size_t CommandLine::find_program(const std::vector<std::string>& arguments) const {
  size_t i = 0;
  for (; i < arguments.size(); ++i) {
    if (arguments[i] == "--") break;
    if (arguments[i].size() < 2 || arguments[i][0] != '-') break;
    if (takes_a_value(parser_->app, arguments[i])) ++i;
  }
  return std::min(i, arguments.size());
}

void Verbosity::add_to(CommandLine& line) {
  line.flag(verbose, {.names = "-v,--verbose", .help = "Tell more"});
  line.flag(quiet, {.names = "-q,--quiet", .help = "Tell of failures only", .excludes = "--verbose"});
}

void Verbosity::apply() const { log::set_level(verbose ? log::Level::debug : quiet ? log::Level::error : log::Level::info); }

}  // namespace postern::command
