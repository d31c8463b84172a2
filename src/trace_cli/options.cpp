// options.cpp - the grammar of `postern trace`.
#include "options.h"

#include <algorithm>

#include "postern/base/log.h"
#include "postern/command/command_line.h"

#include "option_values.h"

namespace postern::trace_cli {

namespace {

using command::CommandLine;

constexpr const char* kExamples = R"(
Examples:
  sudo postern trace icmp and host 192.0.2.3          every namespace of the host
  sudo postern trace --journey --count 2 tcp port 80  a packet a block: its way, address translation, time
  postern trace --netns 4711 udp port 53              what the postern of process 4711 carries; no root needed
  sudo postern trace --record way.jsonl --for 10 host 10.5.0.7
  postern trace --replay way.jsonl --html way.html
  sudo postern trace --probe                          what this host can show, and what is missing

A filter is written in the words of pcap-filter(7): host, net, port, portrange, src, dst, proto, ip, ip6, tcp, udp, icmp, icmp6,
sctp, and, or, not, and parentheses, which a shell wants quoted. Ctrl-C ends with what was collected.)";

void add_options(CommandLine& line, Typed& typed) {
  line.operands(typed.filter, {"FILTER", "Which packets (default: all)", CommandLine::Operand::Presence::optional});
  const auto value = [&](auto& text, const char* name, const char* help, const char* word) {
    const CommandLine::Option option{.names = name, .help = help, .value = word, .empty = CommandLine::Option::Empty::refused};
    if constexpr (std::is_same_v<decltype(text), std::string&>) {
      line.value(text, option);
    } else {
      line.values(text, option);
    }
  };
  value(typed.namespaces, "--netns",
        "Where to look: all, a process, a path, or a name of ip-netns(8)'s or postern bridge's (default: all, for root; else the "
        "only postern of yours)",
        "WHERE");
  value(typed.count, "--count", "End after so many packets", "N");
  value(typed.limit, "--for", "End after so many seconds", "SECONDS");
  value(typed.follow, "--follow",
        "What is shown beside the packets that match: connection, their answers, through NAT (default); packet, nothing", "WHAT");
  line.flag(typed.journey, {"--journey", "A block a packet, when it has come to its end, instead of a line an event"});
  line.flag(typed.json, {"--json", "For programs: an event a line"});
  value(typed.html, "--html", "Draw the journeys into a page, which needs no network; - is standard output", "FILE");
  value(typed.record, "--record", "Keep the events, for --replay", "FILE");
  value(typed.replay, "--replay", "Show what was recorded, instead of what happens", "FILE");
  value(typed.pcap, "--pcap", "Keep the packets as devices saw them, for Wireshark", "FILE");
  line.flag(typed.probe, {"--probe", "Tell which ways of seeing this host has, and what each needs"});
}

/// What is wrong with a filter is drawn, in three lines; behind a caret there is no room for where help is.
Leave complain(const CommandLine& line, const std::string& what) {
  if (what.find('\n') == what.npos) return line.complain(what);
  log::error("trace: {}", what);
  return {command::kUsage};
}

}  // namespace

Options parse_options(int argc, char** argv) {
  CommandLine line({.name = "trace",
                    .usage = "postern trace [OPTIONS] [FILTER...]",
                    .description = "Show where packets go, and who changes or drops them, across network namespaces.",
                    .examples = kExamples});
  Typed typed;
  add_options(line, typed);
  if (const auto leave = line.parse(std::vector<std::string>(argv + std::min(argc, 1), argv + argc))) return *leave;
  auto meant = to_options(typed);
  if (!meant) return complain(line, meant.error().message());
  return std::visit([](auto& options) { return Options(std::move(options)); }, *meant);
}

}  // namespace postern::trace_cli
