// options.cpp - the grammar, by CLI11, which is fenced into this file.
#include "options.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <sstream>

#include "postern/base/log.h"

#include "option_values.h"
#include "say.h"

namespace postern::cli {

namespace {

constexpr const char* kRunExamples = R"(
Examples:
  postern run -- curl http://example.org/          fetch a page from a namespace of its own
  postern run -p 8080:80 -- nginx -g 'daemon off;'   a server inside, reached at port 8080 of the host
  postern run --network none -- ./untrusted          no network but loopback
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
  postern status --pid 4711 --json | jq .counters.drops)";

constexpr const char* kDoctorExamples = R"(
The exit status is 1 where `postern run` could not work.)";

/// CLI11 makes up a usage line of its own, which cannot say "[--] CMD...".
class WithUsage : public CLI::Formatter {
 public:
  explicit WithUsage(std::string usage) : usage_(std::move(usage)) { column_width(32); }
  std::string make_usage(const CLI::App*, std::string) const override { return "Usage: " + usage_ + "\n"; }

 private:
  std::string usage_;
};

void set_usage(CLI::App& app, std::string usage) { app.formatter(std::make_shared<WithUsage>(std::move(usage))); }

void add_network_options(CLI::App& app, TypedNetwork& typed) {
  app.add_option("-p,--publish", typed.publish, "Lead a host port into the namespace: [IP:]PORT[-END]:PORT[/tcp|udp]")
      ->type_name("SPEC")
      ->allow_extra_args(false);
  app.add_option("--publish-source", typed.publish_source,
                 "As whom clients on the host's loopback are seen inside: namespace (default where a TCP port is published), "
                 "loopback, or gateway")
      ->type_name("WHO");
  app.add_option("--reach", typed.reach, "Open one TCP port of the host's loopback, at the gateway's address: HOST_PORT[:PORT]")
      ->type_name("SPEC")
      ->allow_extra_args(false);
  app.add_option("--engine", typed.engine, "Who carries TCP, UDP and ping: fast (default), or libslirp")->type_name("ENGINE");
  app.add_option("--mtu", typed.mtu, "MTU of the TAP, 68 to 65521 (default 65520; with --engine libslirp 16384)")
      ->type_name("BYTES");
  app.add_option("--cidr", typed.cidr, "The namespace's IPv4 network (default 10.0.2.0/24, or the next that is free)")
      ->type_name("NETWORK");
  auto* ipv6 = app.add_flag("--ipv6", typed.ipv6, "IPv6 also where the host has no default IPv6 route");
  app.add_flag("--no-ipv6", typed.no_ipv6, "No IPv6")->excludes(ipv6);
  auto* open_loopback = app.add_flag("--allow-host-loopback", typed.allow_host_loopback,
                                     "The gateway's address (10.0.2.2, fd00::2) leads to the host's 127.0.0.1 and ::1");
  app.add_flag("--isolate-host", typed.isolate_host, "The host's other addresses and 169.254.0.0/16 are closed too")
      ->excludes(open_loopback);
  app.add_option("--outbound-addr", typed.outbound4, "Source address of outgoing IPv4")->type_name("ADDRESS|INTERFACE");
  app.add_option("--outbound-addr6", typed.outbound6, "Source address of outgoing IPv6")->type_name("ADDRESS|INTERFACE");
  app.add_option("--max-flows", typed.max_flows,
                 "Connections at once (default: what the limit on open files allows, at most 16384)")
      ->type_name("N");
  app.add_option("--udp-nat", typed.udp_nat,
                 "Who may answer a UDP port inside: address-dependent, whom it has sent to (default), or full-cone, everybody")
      ->type_name("MODE");
  app.add_flag("--udp-same-port", typed.udp_same_port, "A UDP port inside has the same number outside, where that is free");
  app.add_option("--ready-fd", typed.ready_fd, "Write \"1\" to this descriptor and close it when the network works")
      ->type_name("FD");
  app.add_option("--api-socket", typed.api_socket, "Serve slirp4netns's control protocol there too")->type_name("PATH");
  auto* sandbox =
      app.add_option("--sandbox", typed.sandbox,
                     "required: fail where a layer of the sandbox cannot be had (default); best-effort: go on without it")
          ->type_name("MODE");
  app.add_flag("--no-sandbox", typed.no_sandbox, "Do not lock the relay up; for debugging")->excludes(sandbox);
}

void add_instance_options(CLI::App& app, TypedInstance& typed) {
  auto* pid =
      app.add_option("--pid", typed.pid, "The process of postern to ask (default: the only one of yours)")->type_name("PID");
  app.add_option("--api-socket", typed.api_socket, "Ask who listens there")->type_name("PATH")->excludes(pid);
  app.add_flag("--json", typed.json, "For programs");
}

struct Verbosity {
  bool verbose = false, quiet = false;

  void add_to(CLI::App& app) {
    auto* verbose_flag = app.add_flag("-v,--verbose", verbose, "Tell more");
    app.add_flag("-q,--quiet", quiet, "Tell of failures only")->excludes(verbose_flag);
  }
  void apply() const { log::set_level(verbose ? log::Level::debug : quiet ? log::Level::error : log::Level::info); }
};

void add_run_options(CLI::App& run, TypedRun& typed) {
  set_usage(run, "postern run [OPTIONS] [--] CMD...");
  run.footer(kRunExamples);
  run.add_option("--network", typed.mode, "slirp: outbound NAT; none: loopback only; host: the host's own (default slirp)")
      ->type_name("MODE");
  add_network_options(run, typed.network);
  run.add_option("--dns", typed.dns, "Nameserver inside, instead of the one that leads to the host's")
      ->type_name("ADDRESS")
      ->allow_extra_args(false);
  run.add_option("--add-host", typed.add_host, "Line for /etc/hosts inside, and name that DNS answers there")
      ->type_name("NAME:ADDRESS")
      ->allow_extra_args(false);
  run.add_flag("--map-auto", typed.map_auto, "Map the ids of /etc/subuid and /etc/subgid too");
  run.add_flag("--keep-id", typed.keep_id, "Be the same user inside instead of root");
  run.add_option("--env", typed.environment, "Set a variable for CMD")->type_name("NAME=VALUE")->allow_extra_args(false);
  run.add_option("--workdir", typed.working_directory, "Start CMD in this folder")->type_name("DIR");
  run.add_flag("--private", typed.private_folders, "Hide /tmp, /run (docker.sock, D-Bus) and $XDG_RUNTIME_DIR from CMD");
  run.add_flag("--die-with-parent", typed.die_with_parent, "End everything when the program that started postern dies");
}

void add_attach_options(CLI::App& attach, TypedAttach& typed) {
  set_usage(attach, "postern attach [OPTIONS] PID|PATH TAP");
  attach.footer(kAttachExamples);
  attach.add_option("PID|PATH", typed.target, "A process in the namespace, or the namespace's own path")->required();
  attach.add_option("TAP", typed.tap, "Name of the TAP inside; made if it does not exist")->required();
  attach.add_flag("-c,--configure", typed.configure, "Raise lo and the TAP, set addresses and the default route");
  add_network_options(attach, typed.network);
  attach.add_option("--dns", typed.dns, "Nameserver that 10.0.2.3 and fd00::3 lead to, instead of the host's")
      ->type_name("ADDRESS")
      ->allow_extra_args(false);
  attach.add_option("--macaddress", typed.network.mac, "MAC address of the TAP (with --configure)")->type_name("MAC");
}

bool takes_a_value(const CLI::App& app, const std::string& argument) {
  const bool is_long = argument.compare(0, 2, "--") == 0;
  const std::string name = is_long ? argument.substr(0, argument.find('=')) : argument.substr(0, 2);
  if (name.size() < argument.size()) return false;  // it has its value with it
  const CLI::Option* option = app.get_option_no_throw(name);
  return option && option->get_items_expected_max() > 0;
}

/// Where the command begins in `run`'s arguments: after "--", or at the first word that is neither option nor an option's value.
/// CMD's own options are not ours to read.
size_t find_command(const CLI::App& run, const std::vector<std::string>& arguments) {
  size_t i = 0;
  for (; i < arguments.size(); ++i) {
    if (arguments[i] == "--") break;
    if (arguments[i].size() < 2 || arguments[i][0] != '-') break;
    if (takes_a_value(run, arguments[i])) ++i;
  }
  return std::min(i, arguments.size());
}

Leave complain(std::string_view about, std::string_view what, int status) {
  log::error("{}: {} (postern {} --help)", about, what, about);
  return {status};
}

/// Runs CLI11's parser, whose only way to speak is by exceptions. Nothing: go on.
std::optional<Leave> parse(CLI::App& app, std::vector<std::string> arguments, int usage_status) {
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  try {
    app.parse(std::move(arguments));
    return std::nullopt;
  } catch (const CLI::Success& success) {
    std::ostringstream help;
    app.exit(success, help);
    return Leave{answer(help.str())};
  } catch (const CLI::ParseError& error) {
    std::string what = error.what();
    std::replace(what.begin(), what.end(), '\n', ' ');
    return complain(app.get_name(), what, usage_status);
  }
}

Options parse_run(std::vector<std::string> arguments) {
  CLI::App app("Run CMD in new user, network, mount and PID namespaces, connected to the network without root.", "run");
  TypedRun typed;
  Verbosity verbosity;
  add_run_options(app, typed);
  verbosity.add_to(app);
  const size_t command = find_command(app, arguments);
  const size_t past_marker = command + (command < arguments.size() && arguments[command] == "--" ? 1 : 0);
  typed.command.assign(arguments.begin() + static_cast<ptrdiff_t>(past_marker), arguments.end());
  arguments.resize(command);
  if (const auto leave = parse(app, std::move(arguments), workload::kOurFailure)) return *leave;
  verbosity.apply();
  const auto options = to_run_options(typed);
  if (!options) return complain("run", options.error().message(), workload::kOurFailure);
  return *options;
}

Options parse_attach(std::vector<std::string> arguments) {
  CLI::App app("Connect a network namespace that exists to the network, by a TAP.", "attach");
  TypedAttach typed;
  Verbosity verbosity;
  add_attach_options(app, typed);
  verbosity.add_to(app);
  if (const auto leave = parse(app, std::move(arguments), kUsage)) return *leave;
  verbosity.apply();
  const auto options = to_attach_options(typed);
  if (!options) return complain("attach", options.error().message(), kUsage);
  return *options;
}

Options parse_ports(std::vector<std::string> arguments) {
  CLI::App app("Publish ports of a running postern, take them away, list them.", "ports");
  set_usage(app, "postern ports [OPTIONS] add SPEC... | rm SPEC|ID... | ls");
  app.footer(kPortsExamples);
  TypedPorts typed;
  app.add_option("ACTION", typed.action, "add, rm or ls")->required();
  app.add_option("SPEC|ID", typed.ports, "[IP:]PORT[-END]:PORT[/tcp|udp]; for rm also the number that ls shows");
  app.add_flag("--kill", typed.kill, "rm: end the connections too that came in by these ports");
  add_instance_options(app, typed.instance);
  if (const auto leave = parse(app, std::move(arguments), kUsage)) return *leave;
  const auto options = to_ports_options(typed);
  if (!options) return complain("ports", options.error().message(), kUsage);
  return *options;
}

Options parse_status(std::vector<std::string> arguments) {
  CLI::App app("Tell what a running postern does: network, flows, ports, drops.", "status");
  set_usage(app, "postern status [OPTIONS]");
  app.footer(kStatusExamples);
  TypedInstance typed;
  add_instance_options(app, typed);
  if (const auto leave = parse(app, std::move(arguments), kUsage)) return *leave;
  const auto options = to_status_options(typed);
  if (!options) return complain("status", options.error().message(), kUsage);
  return *options;
}

Options parse_doctor(std::vector<std::string> arguments) {
  CLI::App app("Tell what this host allows, what is missing, and the command that mends it.", "doctor");
  set_usage(app, "postern doctor [--json]");
  app.footer(kDoctorExamples);
  bool json = false;
  app.add_flag("--json", json, "For programs");
  if (const auto leave = parse(app, std::move(arguments), kUsage)) return *leave;
  return DoctorOptions{json ? doctor::Format::json : doctor::Format::text};
}

constexpr std::string_view kHelp = R"(postern: a network for a Linux network namespace, without root

Usage: postern COMMAND [OPTIONS] ...

Commands:
  run [OPTIONS] [--] CMD...         run CMD in namespaces of its own, connected
  attach [OPTIONS] PID|PATH TAP     connect a namespace that exists
  ports add|rm|ls [SPEC|ID...]      publish ports of a running one
  status [--json]                   what a running one does
  doctor [--json]                   what this host allows, and what mends it

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
  if (command == "doctor") return parse_doctor(std::move(arguments));
  if (command == "--help" || command == "-h" || command == "help") return Leave{answer(kHelp)};
  if (command == "--version" || command == "-V") return Leave{answer(version())};
  log::error("\"{}\" is no command of postern's (postern --help)", command);
  return Leave{kUsage};
}

}  // namespace postern::cli
