// options.cpp - the grammar of `postern bridge`.
#include "options.h"

#include <algorithm>

#include "postern/base/log.h"
#include "postern/command/command_line.h"

#include "option_values.h"

namespace postern::bridge_cli {

namespace {

using command::CommandLine, command::answer, command::kUsage, command::say;
using Presence = CommandLine::Operand::Presence;
using Arguments = std::vector<std::string>;

constexpr CommandLine::Operand kNetwork = {"NAME", "The network"};
constexpr CommandLine::Option kJson = {"--json", "For programs"};

template <class Typed, class Meant>
Options meaning_of(const CommandLine& line, const Typed& typed, Result<Meant> (*meaning)(const Typed&)) {
  auto options = meaning(typed);
  if (!options) return line.complain(options.error().message());
  return *std::move(options);
}

Options parse_up(Arguments arguments) {
  CommandLine line({.name = "bridge up",
                    .usage = "postern bridge up [OPTIONS] NAME",
                    .description = "Make a network: a bridge of that name with an address, NAT and rules of its own.",
                    .examples = R"(
Examples:
  postern bridge up blue                              a subnet that is free is chosen
  postern bridge up blue --subnet 10.5.0.0/24 --ipv6
  postern bridge up backend --internal --icc off      reaches nothing, and its members do not reach each other)"});
  TypedUp typed;
  line.operand(typed.network, {"NAME", "The network's name, and the bridge's: at most 15 characters"});
  line.values(typed.subnets, {"--subnet",
                              "Its subnet, or the gateway's address in it: 10.5.0.0/24, 10.5.0.254/24 (default: a free one "
                              "of 10.209.0.0/24 to 10.223.255.0/24); once a family",
                              "CIDR"});
  line.flag(typed.ipv6, {"--ipv6", "An IPv6 subnet too, chosen in fd00::/8"});
  line.flag(typed.internal, {"--internal", "Reaches nothing but itself, and of the host its DNS server"});
  line.value(typed.isolate, {"--isolate",
                             "How other bridge networks reach it: published, by published ports (default); full, not at all; "
                             "open, directly, where both are",
                             "HOW"});
  line.value(typed.icc, {"--icc", "Whether its members reach each other: on (default) or off", "ON|OFF"});
  line.value(typed.mtu, {"--mtu", "MTU, 68 to 65535, with IPv6 1280 (default: that of the host's default route)", "BYTES"});
  line.flag(typed.no_masquerade, {"--no-masquerade", "What leaves the host keeps its source address"});
  line.value(typed.external, {"--external", "Leave the host by this interface only", "INTERFACE"});
  line.flag(typed.no_names, {"--no-names", "No DNS server at the gateway"});
  line.value(typed.ip_forward, {"--ip-forward",
                                "Where the host does not forward packets: auto, turn it on (default); require, refuse; never, "
                                "leave it",
                                "WHAT"});
  line.flag(typed.if_missing, {"--if-missing", "No error where there is one of that name; it stays as it is"});
  line.flag(typed.json, kJson);
  if (const auto leave = line.parse(std::move(arguments))) return *leave;
  return meaning_of(line, typed, to_up_options);
}

Options parse_down(Arguments arguments) {
  CommandLine line({.name = "bridge down",
                    .usage = "postern bridge down [--force] NAME",
                    .description = "Take a network away.",
                    .examples = R"(
Examples:
  postern bridge down blue
  postern bridge down blue --force                    with all that is connected)"});
  DownOptions options;
  bool force = false;
  line.operand(options.network, kNetwork);
  line.flag(force, {"--force", "With all that is connected; without, that is an error"});
  if (const auto leave = line.parse(std::move(arguments))) return *leave;
  if (const Status good = check_network_name(options.network); !good) return line.complain(good.error().message());
  if (force) options.connected = bridge::Bridge::Connected::remove;
  return options;
}

Options parse_ls(Arguments arguments) {
  CommandLine line(
      {.name = "bridge ls", .usage = "postern bridge ls [--json]", .description = "List the networks.", .examples = R"(
Examples:
  postern bridge ls
  postern bridge ls --json | jq -r '.networks[].name')"});
  bool json = false;
  line.flag(json, kJson);
  if (const auto leave = line.parse(std::move(arguments))) return *leave;
  return ListOptions{json ? Output::json : Output::text};
}

Options parse_inspect(Arguments arguments) {
  CommandLine line({.name = "bridge inspect",
                    .usage = "postern bridge inspect [--json] NAME",
                    .description = "Tell all of a network, and of what is connected.",
                    .examples = R"(
Examples:
  postern bridge inspect blue
  postern bridge inspect blue --json | jq '.endpoints[].addresses')"});
  InspectOptions options;
  bool json = false;
  line.operand(options.network, kNetwork);
  line.flag(json, kJson);
  if (const auto leave = line.parse(std::move(arguments))) return *leave;
  if (const Status good = check_network_name(options.network); !good) return line.complain(good.error().message());
  options.output = json ? Output::json : Output::text;
  return options;
}

Options parse_attach(Arguments arguments) {
  CommandLine line({.name = "bridge attach",
                    .usage = "postern bridge attach [OPTIONS] NAME PID|PATH",
                    .description = "Connect a network namespace to a network; prints the addresses that it got.",
                    .examples = R"(
Examples:
  ip netns add web && postern bridge attach blue /run/netns/web -p 8080:80 --hostname web
  postern bridge attach blue 4711 --ip 10.5.0.7 -p 127.0.0.1:5432:5432

Without an IP, a port is published at every address of the host, IPv4 and IPv6, and at 127.0.0.1 and ::1.)"});
  TypedAttach typed;
  line.operand(typed.network, kNetwork);
  line.operand(typed.target, {"PID|PATH", "A process in the namespace, or the namespace's own path"});
  line.values(typed.addresses, {"--ip", "Its address (default: the next that is free); once a family", "ADDRESS"});
  line.value(typed.interface, {"--name", "The interface inside (default eth0)", "INTERFACE"});
  line.values(typed.publish, {"-p,--publish", "Lead host ports to it: [IP:]PORT[-END]:PORT[/tcp|udp]", "SPEC"});
  line.values(typed.names, {"--hostname", "Name by which others of the network find it (default: the --id)", "NAME"});
  line.value(typed.id, {"--id", "What it is called here (default: ns- and the namespace's inode)", "ID"});
  line.value(typed.mac, {"--mac", "MAC address inside (default: one of its own)", "MAC"});
  line.flag(typed.json, kJson);
  if (const auto leave = line.parse(std::move(arguments))) return *leave;
  return meaning_of(line, typed, to_attach_options);
}

Options parse_detach(Arguments arguments) {
  CommandLine line({.name = "bridge detach",
                    .usage = "postern bridge detach [OPTIONS] NAME PID|PATH|ID",
                    .description = "Disconnect what was attached, also when its namespace has gone.",
                    .examples = R"(
Examples:
  postern bridge detach blue /run/netns/web
  postern bridge detach blue web)"});
  DetachOptions typed;
  line.operand(typed.network, kNetwork);
  line.operand(typed.which, {"PID|PATH|ID", "As it was attached, or its id"});
  line.value(typed.interface, {"--name", "The interface inside (default eth0)", "INTERFACE"});
  if (const auto leave = line.parse(std::move(arguments))) return *leave;
  return meaning_of(line, typed, to_detach_options);
}

Options parse_ports(Arguments arguments) {
  CommandLine line({.name = "bridge ports",
                    .usage = "postern bridge ports add NAME ID SPEC... | rm NAME ID SPEC... | ls [NAME [ID]] [--json]",
                    .description = "Publish ports of what is connected, take them away, list them.",
                    .examples = R"(
Examples:
  postern bridge ports add blue web 8080:80 127.0.0.1:5353:53/udp    all of them, or none
  postern bridge ports add blue web 10000-19999:10000-19999/udp
  postern bridge ports rm blue web 8080:80                           as it was added
  postern bridge ports ls)"});
  TypedPorts typed;
  line.operand(typed.action, {"ACTION", "add, rm or ls"});
  line.operands(typed.operands,
                {"NAME ID SPEC", "The network, who is connected, and [IP:]PORT[-END]:PORT[/tcp|udp]", Presence::optional});
  line.flag(typed.json, {"--json", "ls: for programs"});
  if (const auto leave = line.parse(std::move(arguments))) return *leave;
  return meaning_of(line, typed, to_ports_options);
}

Options parse_check(Arguments arguments) {
  CommandLine line({.name = "bridge check",
                    .usage = "postern bridge check [--json]",
                    .description = "Compare links, rules and helpers with what they should be; changes nothing.",
                    .examples = R"(
Examples:
  postern bridge check || postern bridge reload

The exit status is 1 where something is not as it should be.)"});
  bool json = false;
  line.flag(json, kJson);
  if (const auto leave = line.parse(std::move(arguments))) return *leave;
  return CheckOptions{json ? Output::json : Output::text};
}

Options parse_gc(Arguments arguments) {
  CommandLine line({.name = "bridge gc",
                    .usage = "postern bridge gc",
                    .description = "Take away what belongs to nobody any more, and say what that was.",
                    .examples = R"(
Examples:
  postern bridge gc                                   after a crash of who had attached)"});
  if (const auto leave = line.parse(std::move(arguments))) return *leave;
  return GcOptions{};
}

Options parse_reload(Arguments arguments) {
  CommandLine line({.name = "bridge reload",
                    .usage = "postern bridge reload",
                    .description = "Make rules, addresses and helpers again from what is kept.",
                    .examples = R"(
Examples:
  nft flush ruleset && postern bridge reload)"});
  if (const auto leave = line.parse(std::move(arguments))) return *leave;
  return ReloadOptions{};
}

Options parse_doctor(Arguments arguments) {
  CommandLine line({.name = "bridge doctor",
                    .usage = "postern bridge doctor [--json]",
                    .description = "Tell what of this host stands in a bridge network's way, and the command that mends it.",
                    .examples = R"(
Examples:
  postern bridge doctor
  postern bridge doctor --json | jq '.checks[] | select(.status != "ok")'

The exit status is 1 where bridge networks could not work.)"});
  bool json = false;
  line.flag(json, kJson);
  if (const auto leave = line.parse(std::move(arguments))) return *leave;
  return DoctorOptions{json ? Output::json : Output::text};
}

constexpr std::string_view kHelp = R"(postern bridge: networks of the kernel's own bridge, with NAT and published ports; for root

Usage: postern bridge COMMAND [OPTIONS] ...

Commands:
  up NAME                           make a network
  down NAME                         take it away
  ls [--json]                       list the networks
  inspect NAME                      all of one, and what is connected
  attach NAME PID|PATH              connect a network namespace
  detach NAME PID|PATH|ID           disconnect it
  ports add|rm|ls [NAME ID SPEC...] publish ports of what is connected
  check [--json]                    compare what is with what should be
  gc                                take away what belongs to nobody
  reload                            make rules and helpers again
  doctor [--json]                   what of this host stands in the way

  postern bridge COMMAND --help     options and examples

Options:
  -h,--help                         Print the commands

Examples:
  postern bridge up blue
  postern bridge attach blue /run/netns/web -p 8080:80
  postern run --network bridge:blue -p 8080:80 -- nginx -g 'daemon off;'
)";

struct Subcommand {
  std::string_view name;
  Options (*parse)(Arguments);
};

constexpr Subcommand kSubcommands[] = {
    {"up", parse_up},         {"down", parse_down},     {"ls", parse_ls},         {"inspect", parse_inspect},
    {"attach", parse_attach}, {"detach", parse_detach}, {"ports", parse_ports},   {"check", parse_check},
    {"gc", parse_gc},         {"reload", parse_reload}, {"doctor", parse_doctor},
};

}  // namespace

Options parse_options(int argc, char** argv) {
  Arguments arguments(argv + std::min(argc, 1), argv + argc);
  if (arguments.empty()) {
    say(stderr, kHelp);
    return Leave{kUsage};
  }
  const std::string command = arguments.front();
  arguments.erase(arguments.begin());
  const auto* found = std::find_if(std::begin(kSubcommands), std::end(kSubcommands),
                                   [&](const Subcommand& subcommand) { return subcommand.name == command; });
  if (found != std::end(kSubcommands)) return found->parse(std::move(arguments));
  if (command == "proxy" && arguments.size() == 1) return ProxyOptions{arguments.front()};
  if (command == "--help" || command == "-h" || command == "help") return Leave{answer(kHelp)};
  log::error("\"{}\" is no command of postern bridge's (postern bridge --help)", command);
  return Leave{kUsage};
}

}  // namespace postern::bridge_cli
