// options.cpp - the grammar.
#include "options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "postern/base/log.h"
#include "postern/command/command_line.h"

#include "option_values.h"

namespace postern::cli {

namespace {

using command::CommandLine, command::Verbosity;

constexpr const char* kRunExamples = R"(
Examples:
  postern run -- curl http://example.org/          fetch a page from a namespace of its own
  postern run -p 8080:80 -- nginx -g 'daemon off;'   a server inside, reached at port 8080 of the host
  postern run --network none -- ./untrusted          no network but loopback
  sudo postern run --network bridge -p 8080:80 -- nginx -g 'daemon off;'   the kernel's own NAT
  postern run --map-auto -- apt-get update           more users inside than one (needs /etc/subuid)

The exit status is CMD's, or 128 and the number of the signal that ended it. 125: postern failed; 126: CMD cannot be
executed; 127: CMD was not found.)";

constexpr const char* kAttachExamples = R"(
Examples:
  unshare --user --map-root-user --net sleep 1000 &
  postern attach --configure $! tap0                 give it a network, until it ends
  postern attach --configure -p 8080:80 /run/user/1000/netns/web tap0

It stays in the foreground. It ends with status 0 when PID or the namespace at PATH ends or on a signal, and with 1 when the
TAP is deleted.)";

constexpr const char* kPortsExamples = R"(
Examples:
  postern ports add 8080:80 127.0.0.1:5353:53/udp    all of them, or none
  postern ports add --pid 4711 [::1]:8443:443
  postern ports ls
  postern ports rm 1                                 by its number
  postern ports rm 8080:80                           or as it was added
  postern ports rm --kill 8080:80                    and its connections end too

Without --pid and --api-socket: the one postern of yours that runs. Connections that are open go on when their port is removed.)";

constexpr const char* kStatusExamples = R"(
Examples:
  postern status
  postern status --pid 4711 --json | jq .counters.drops
  postern status --prometheus > postern.prom)";

constexpr const char* kTopExamples = R"(
Examples:
  postern top
  postern top --count 2 --interval 5 --json | jq .flows[0]

On a terminal it is drawn in place, and q ends it. Otherwise each sample is a block of lines, or with --json an object on a line.
The exit status is 0, also when the postern that is watched ends.)";

constexpr const char* kDoctorExamples = R"(
The exit status is 1 where `postern run` could not work.)";

void add_network_options(CommandLine& line, TypedNetwork& typed) {
  line.values(typed.publish, {"-p,--publish", "Lead a host port into the namespace: [IP:]PORT[-END]:PORT[/tcp|udp]", "SPEC"});
  line.value(typed.publish_source,
             {"--publish-source",
              "As whom clients on the host's loopback are seen inside: namespace (default where a TCP port is published), "
              "loopback, or gateway",
              "WHO"});
  line.values(typed.reach,
              {"--reach", "Open one TCP port of the host's loopback, at the gateway's address: HOST_PORT[:PORT]", "SPEC"});
  line.value(typed.engine, {"--engine", "Who carries TCP, UDP and ping: fast (default), or libslirp", "ENGINE"});
  line.value(typed.mtu, {"--mtu", "MTU of the TAP, 68 to 65521 (default 65520; with --engine libslirp 16384)", "BYTES"});
  line.value(typed.cidr, {"--cidr", "The namespace's IPv4 network (default 10.0.2.0/24, or the next that is free)", "NETWORK"});
  line.flag(typed.ipv6, {"--ipv6", "IPv6 also where the host has no default IPv6 route"});
  line.flag(typed.no_ipv6, {.names = "--no-ipv6", .help = "No IPv6", .excludes = "--ipv6"});
  line.flag(typed.allow_host_loopback,
            {"--allow-host-loopback", "The gateway's address (10.0.2.2, fd00::2) leads to the host's 127.0.0.1 and ::1"});
  line.flag(typed.isolate_host, {.names = "--isolate-host",
                                 .help = "The host's other addresses and 169.254.0.0/16 are closed too",
                                 .excludes = "--allow-host-loopback"});
  line.value(typed.outbound4, {"--outbound-addr", "Source address of outgoing IPv4", "ADDRESS|INTERFACE"});
  line.value(typed.outbound6, {"--outbound-addr6", "Source address of outgoing IPv6", "ADDRESS|INTERFACE"});
  line.value(typed.max_flows,
             {"--max-flows", "Connections at once (default: what the limit on open files allows, at most 16384)", "N"});
  line.value(
      typed.udp_nat,
      {"--udp-nat", "Who may answer a UDP port inside: address-dependent, whom it has sent to (default), or full-cone, everybody",
       "MODE"});
  line.flag(typed.udp_same_port, {"--udp-same-port", "A UDP port inside has the same number outside, where that is free"});
  line.value(typed.ready_fd, {"--ready-fd", "Write \"1\" to this descriptor and close it when the network works", "FD"});
  line.value(typed.api_socket, {"--api-socket", "Serve slirp4netns's control protocol there too", "PATH"});
  line.value(typed.pcap, {"--pcap", "Record the namespace's frames in this file, for tcpdump and Wireshark", "FILE"});
  line.value(typed.sandbox,
             {"--sandbox", "required: fail where a layer of the sandbox cannot be had (default); best-effort: go on without it",
              "MODE"});
  line.flag(typed.no_sandbox,
            {.names = "--no-sandbox", .help = "Do not lock the relay up; for debugging", .excludes = "--sandbox"});
}

void add_instance_options(CommandLine& line, TypedInstance& typed) {
  line.value(typed.pid, {"--pid", "The process of postern to ask (default: the only one of yours)", "PID"});
  line.value(typed.api_socket, {"--api-socket", "Ask who listens there", "PATH", "--pid"});
  line.flag(typed.json, {"--json", "For programs"});
}

void add_run_options(CommandLine& run, TypedRun& typed) {
  run.value(typed.mode, {"--network",
                         "slirp: outbound NAT (default); none: loopback only; host: the host's own; bridge[:NAME]: a network of "
                         "postern bridge's, for root",
                         "MODE"});
  add_network_options(run, typed.network);
  run.values(typed.dns, {"--dns", "Nameserver inside, instead of the one that leads to the host's", "ADDRESS"});
  run.values(typed.add_host, {"--add-host", "Line for /etc/hosts inside, and name that DNS answers there", "NAME:ADDRESS"});
  run.values(typed.addresses, {"--ip", "bridge: its address in the network (default: the next that is free)", "ADDRESS"});
  run.values(typed.host_names, {"--hostname", "bridge: name by which others of the network find it", "NAME"});
  run.flag(typed.map_auto, {"--map-auto", "Map the ids of /etc/subuid and /etc/subgid too"});
  run.flag(typed.keep_id, {"--keep-id", "Be the same user inside instead of root"});
  run.values(typed.environment, {"--env", "Set a variable for CMD", "NAME=VALUE"});
  run.value(typed.working_directory, {"--workdir", "Start CMD in this folder", "DIR"});
  run.flag(typed.private_folders, {"--private", "Hide /tmp, /run (docker.sock, D-Bus) and $XDG_RUNTIME_DIR from CMD"});
  run.flag(typed.die_with_parent, {"--die-with-parent", "End everything when the program that started postern dies"});
}

void add_attach_options(CommandLine& attach, TypedAttach& typed) {
  attach.operand(typed.target, {"PID|PATH", "A process in the namespace, or the namespace's own path"});
  attach.operand(typed.tap, {"TAP", "Name of the TAP inside; made if it does not exist"});
  attach.flag(typed.configure, {"-c,--configure", "Raise lo and the TAP, set addresses and the default route"});
  add_network_options(attach, typed.network);
  attach.values(typed.dns, {"--dns", "Nameserver that 10.0.2.3 and fd00::3 lead to, instead of the host's", "ADDRESS"});
  attach.value(typed.network.mac, {"--macaddress", "MAC address of the TAP (with --configure)", "MAC"});
}

Options parse_run(std::vector<std::string> arguments) {
  CommandLine line(
      {.name = "run",
       .usage = "postern run [OPTIONS] [--] CMD...",
       .description = "Run CMD in new user, network, mount and PID namespaces, connected to the network without root.",
       .examples = kRunExamples});
  TypedRun typed;
  Verbosity verbosity;
  add_run_options(line, typed);
  verbosity.add_to(line);
  const size_t command = line.find_program(arguments);
  const size_t past_marker = command + (command < arguments.size() && arguments[command] == "--" ? 1 : 0);
  typed.command.assign(arguments.begin() + static_cast<ptrdiff_t>(past_marker), arguments.end());
  arguments.resize(command);
  if (const auto leave = line.parse(std::move(arguments), workload::kOurFailure)) return *leave;
  verbosity.apply();
  const auto options = to_run_options(typed);
  if (!options) return line.complain(options.error().message(), workload::kOurFailure);
  return *options;
}

Options parse_attach(std::vector<std::string> arguments) {
  CommandLine line({.name = "attach",
                    .usage = "postern attach [OPTIONS] PID|PATH TAP",
                    .description = "Connect a network namespace that exists to the network, by a TAP.",
                    .examples = kAttachExamples});
  TypedAttach typed;
  Verbosity verbosity;
  add_attach_options(line, typed);
  verbosity.add_to(line);
  if (const auto leave = line.parse(std::move(arguments))) return *leave;
  verbosity.apply();
  const auto options = to_attach_options(typed);
  if (!options) return line.complain(options.error().message());
  return *options;
}

Options parse_ports(std::vector<std::string> arguments) {
  CommandLine line({.name = "ports",
                    .usage = "postern ports [OPTIONS] add SPEC... | rm SPEC|ID... | ls",
                    .description = "Publish ports of a running postern, take them away, list them.",
                    .examples = kPortsExamples});
  using Presence = CommandLine::Operand::Presence;
  TypedPorts typed;
  line.operand(typed.action, {"ACTION", "add, rm or ls"});
  line.operands(typed.ports,
                {"SPEC|ID", "[IP:]PORT[-END]:PORT[/tcp|udp]; for rm also the number that ls shows", Presence::optional});
  line.flag(typed.kill, {"--kill", "rm: end the connections too that came in by these ports"});
  add_instance_options(line, typed.instance);
  if (const auto leave = line.parse(std::move(arguments))) return *leave;
  const auto options = to_ports_options(typed);
  if (!options) return line.complain(options.error().message());
  return *options;
}

Options parse_status(std::vector<std::string> arguments) {
  CommandLine line({.name = "status",
                    .usage = "postern status [OPTIONS]",
                    .description = "Tell what a running postern does: network, flows, ports, drops.",
                    .examples = kStatusExamples});
  TypedStatus typed;
  add_instance_options(line, typed.instance);
  line.flag(typed.prometheus, {.names = "--prometheus", .help = "Metrics, in Prometheus's text format", .excludes = "--json"});
  if (const auto leave = line.parse(std::move(arguments))) return *leave;
  const auto options = to_status_options(typed);
  if (!options) return line.complain(options.error().message());
  return *options;
}

Options parse_top(std::vector<std::string> arguments) {
  CommandLine line({.name = "top",
                    .usage = "postern top [OPTIONS]",
                    .description = "Show the flows of a running postern, live: who, where to, how fast.",
                    .examples = kTopExamples});
  TypedTop typed;
  add_instance_options(line, typed.instance);
  line.value(typed.interval, {"--interval", "Time between two samples (default: 1)", "SECONDS"});
  line.value(typed.count, {"--count", "End after N samples; the first knows no rates", "N"});
  line.value(typed.sort, {"--sort", "What stands first: rate (default), bytes or rtt", "ORDER"});
  if (const auto leave = line.parse(std::move(arguments))) return *leave;
  const auto options = to_top_options(typed);
  if (!options) return line.complain(options.error().message());
  return *options;
}

Options parse_doctor(std::vector<std::string> arguments) {
  CommandLine line({.name = "doctor",
                    .usage = "postern doctor [--json]",
                    .description = "Tell what this host allows, what is missing, and the command that mends it.",
                    .examples = kDoctorExamples});
  bool json = false;
  line.flag(json, {"--json", "For programs"});
  if (const auto leave = line.parse(std::move(arguments))) return *leave;
  return DoctorOptions{json ? doctor::Format::json : doctor::Format::text};
}

constexpr std::string_view kHelp = R"(postern: a network for a Linux network namespace, without root

Usage: postern COMMAND [OPTIONS] ...

Commands:
  run [OPTIONS] [--] CMD...         run CMD in namespaces of its own, connected
  attach [OPTIONS] PID|PATH TAP     connect a namespace that exists
  ports add|rm|ls [SPEC|ID...]      publish ports of a running one
  status [--json|--prometheus]      what a running one does
  top [--json]                      its flows, live: who, where to, how fast
  doctor [--json]                   what this host allows, and what mends it
  trace [FILTER...]                 where packets go, and who changes or drops them
  bridge COMMAND                    for root: networks of the kernel's own bridge
  inspect [PID|PATH|NAME]           a network namespace's whole stack, and where its devices lead

  postern COMMAND --help            options and examples
  postern --version

Examples:
  postern run -- curl http://example.org/
  postern run -p 8080:80 -- nginx -g 'daemon off;'
)";

std::string version() { return fmt::format("postern version {}\nlibslirp: {}\n", POSTERN_VERSION, stack::slirp_version()); }

}  // namespace

Options parse_options(int argc, char** argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  if (arguments.empty()) {
    say(stderr, kHelp);
    return Leave{kUsage};
  }
  const std::string command = arguments.front();
  arguments.erase(arguments.begin());
  if (command == "run") return parse_run(std::move(arguments));
  if (command == "attach") return parse_attach(std::move(arguments));
  if (command == "ports") return parse_ports(std::move(arguments));
  if (command == "status") return parse_status(std::move(arguments));
  if (command == "top") return parse_top(std::move(arguments));
  if (command == "doctor") return parse_doctor(std::move(arguments));
  for (const std::string_view program : {"bridge", "trace", "inspect"}) {
    if (command == program) return ProgramOptions{fmt::format("postern-{}", program), std::move(arguments)};
  }
  if (command == "--help" || command == "-h" || command == "help") return Leave{answer(kHelp)};
  if (command == "--version" || command == "-V") return Leave{answer(version())};
  log::error("\"{}\" is no command of postern's (postern --help)", command);
  return Leave{kUsage};
}

}  // namespace postern::cli
