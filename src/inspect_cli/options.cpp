#include "options.h"

#include <algorithm>
#include <vector>

#include "postern/command/command_line.h"

namespace postern::inspect_cli {

namespace {

using command::CommandLine;

constexpr const char* kExamples = R"(
Examples:
  postern inspect                        the namespace that we are in
  postern inspect blue                   one of ip netns, or of a bridge network
  postern inspect 4711                   where that process is; without being root: where your own is
  postern inspect --all                  all that can be seen, and where their devices lead
  postern inspect blue --json | jq '.namespace.devices[].peer'
  sudo postern inspect --html host.html  all of it to look at, in a browser

What cannot be read is told under "Not read", with what it would take. Nothing is changed.)";

}  // namespace

Options parse_options(int argc, char** argv) {
  CommandLine line({.name = "inspect",
                    .usage = "postern inspect [OPTIONS] [PID|PATH|NAME]",
                    .description =
                        "Show a network namespace's whole stack: devices and where they lead, addresses, routes, rules, "
                        "neighbours, listening sockets, packet filter, settings.",
                    .examples = kExamples});
  InspectOptions options;
  std::string target, page_file;
  bool json = false, all = false;
  line.operand(target, {"PID|PATH|NAME", "A process in it, its path, or what it is called (default: our own)",
                        CommandLine::Operand::Presence::optional});
  line.flag(all, {"--all", "All namespaces that can be seen, with their devices"});
  line.flag(json, {"--json", "For programs"});
  line.value(page_file,
             {"--html", "Write a page there that shows all namespaces and the wires between them; - is standard output", "FILE",
              "--json", CommandLine::Option::Empty::refused});
  if (const auto leave = line.parse(std::vector<std::string>(argv + std::min(argc, 1), argv + argc))) return *leave;
  if (all && !target.empty()) return line.complain("--all and a namespace are different questions");
  if (!page_file.empty() && !target.empty()) return line.complain("--html shows all namespaces: name none");
  if (all || !page_file.empty()) options.scope = InspectOptions::Scope::host;
  if (!target.empty()) options.target = target;
  if (!page_file.empty()) options.page_file = page_file;
  options.output = json ? InspectOptions::Output::json : InspectOptions::Output::text;
  return options;
}

}  // namespace postern::inspect_cli
