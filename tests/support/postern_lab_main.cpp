// postern_lab_main.cpp - a lab for scripts: `postern-lab --servers http,dns -- sh -c 'curl http://$LAB_REMOTE4/'`.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <iterator>
#include <optional>

#include "door.h"
#include "lab.h"
#include "program.h"
#include "servers.h"
#include "topology.h"
#include "wire.h"

namespace postern::lab {
namespace {

struct Options {
  std::string place = "host";
  bool user = false;
  bool no_ipv6 = false;
  bool verbose = false;
  std::vector<std::string> servers;
  std::vector<std::string> web_files;
  std::vector<unsigned> wires;  // round trips, in milliseconds
  Config config;
  std::vector<std::string> command;
};

int complain(const Error& error) {
  fmt::print(stderr, "postern-lab: {}\n", error.message());
  return kOurFailure;
}

// A key at the terminal reaches the command by itself; what was sent to us alone is passed on.
void forward(int signals, Process& process) {
  signalfd_siginfo info{};
  if (::read(signals, &info, sizeof info) == sizeof info && info.ssi_code <= 0) process.signal(static_cast<int>(info.ssi_signo));
}

int wait_for(Process process) {
  sigset_t forwarded;
  ::sigemptyset(&forwarded);
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2}) ::sigaddset(&forwarded, number);
  ::sigprocmask(SIG_BLOCK, &forwarded, nullptr);
  const UniqueFd signals(::signalfd(-1, &forwarded, SFD_CLOEXEC));
  pollfd waits[] = {{process.connection(), POLLIN, 0}, {signals.get(), POLLIN, 0}};
  for (;;) {
    if (::poll(waits, 2, -1) < 0) continue;
    if (waits[1].revents) forward(signals.get(), process);
    if (waits[0].revents) return process.wait().value_or(kOurFailure);
  }
}

int run_on(const Machine& machine, const Options& options, std::vector<std::string> environment = {}) {
  const int stdio[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
  auto process = machine.spawn_on(
      {.argv = options.command, .role = options.user ? Role::user : Role::root, .environment = std::move(environment)}, stdio);
  if (process) return wait_for(std::move(*process));
  complain(process.error());
  if (process.error().is(std::errc::no_such_file_or_directory)) return 127;
  return process.error().is(std::errc::permission_denied) ? 126 : kOurFailure;
}

int enter(const Options& options) {
  Options entering = options;
  entering.user = entering.user || ::geteuid() != 0;
  return run_on(Machine("", options.place == "remote" ? Place::remote : Place::host), entering);
}

/// "64K", "1M", "2G": binary multiples.
std::optional<uint64_t> parse_size(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  constexpr std::string_view kUnits = "KMG";
  if (error != std::errc{} || unit.size() != 1 || kUnits.find(unit[0]) == kUnits.npos) return std::nullopt;
  return number << 10 * (kUnits.find(unit[0]) + 1);
}

Result<std::vector<Process>> serve(const Machine& remote, const Options& options) {
  std::vector<Process> servers;
  for (const std::string& name : options.servers) {
    POSTERN_TRY(started, start(remote, *parse_server(name)), "remote");
    std::move(started.begin(), started.end(), std::back_inserter(servers));
  }
  for (const std::string& size : options.web_files) {
    const auto bytes = parse_size(size);
    if (!bytes) return fail(size + " is no size like 64K, 1M or 2G");
    POSTERN_CHECK(make_web_file(remote, size, *bytes), "remote");
  }
  return servers;
}

/// The wires asked for, and in `environment` what the command knows of them.
Result<std::vector<Process>> lay_wires(const Lab& lab, const Options& options, std::vector<std::string>& environment) {
  std::vector<Process> laid;
  for (const unsigned round_trip : options.wires) {
    const Wire wire{static_cast<unsigned>(laid.size()), std::chrono::milliseconds(round_trip), options.config.families};
    POSTERN_TRY(process, start(lab, wire), "lab");
    laid.push_back(std::move(process));
    for (std::string& assignment : wire.environment()) environment.push_back(std::move(assignment));
  }
  return laid;
}

int make_and_run(const Options& options) {
  auto lab = Lab::make(options.config);
  if (!lab) return complain(lab.error());
  std::vector<std::string> environment;
  std::string missing = "LAB_MISSING=";
  for (const std::string& what : lab->missing()) {
    if (options.verbose) fmt::print(stderr, "postern-lab: without {}\n", what);
    missing += what.substr(0, what.find(':')) + " ";
  }
  const auto servers = serve(lab->remote(), options);
  if (!servers) return complain(servers.error());
  const auto wires = lay_wires(*lab, options, environment);
  if (!wires) return complain(wires.error());
  environment.push_back(std::move(missing));
  return run_on(lab->host(), options, std::move(environment));
}

int lab(int argc, char** argv) {
  CLI::App app("Runs CMD on the \"host\" of a lab: two hosts made of namespaces (tests/support/topology.h). Status: CMD's.",
               "postern-lab");
  Options options;
  bool entering = false;
  app.add_flag("--user", options.user,
               fmt::format("run CMD as the spare user {} (uid {}), without capabilities", kUserName, kUserId));
  app.add_option("--servers", options.servers, "start these on the remote first: http,dns,echo,iperf3")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"http", "dns", "echo", "iperf3"}));
  app.add_option("--web-files", options.web_files, "files for the http server, each named by its size: 64K,1M,2G")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--wires", options.wires, "long ways to the remote, each named by its round trip in ms: 20,100 (LAB_WIRE_20MS4)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(0, 10000));
  app.add_option("--mtu", options.config.mtu_bytes, "of the link between the hosts, in bytes")->check(CLI::Range(1280, 65535));
  app.add_flag("--no-ipv6", options.no_ipv6, "no IPv6 addresses and no IPv6 default route");
  app.add_option("--tree", options.config.tree, "folder whose bin/ comes first in PATH (default: the build)")
      ->check(CLI::ExistingDirectory);
  app.add_option("--enter", options.place, "from inside a lab: run CMD on its \"host\" or \"remote\"")
      ->check(CLI::IsMember({"host", "remote"}));
  app.add_flag("--verbose", options.verbose, "say what this lab could not be given (LAB_MISSING names it)");
  app.footer("[--] CMD [ARGUMENT...]");
  app.prefix_command();
  CLI11_PARSE(app, argc, argv);
  options.command = app.remaining();
  if (!options.command.empty() && options.command.front() == "--") options.command.erase(options.command.begin());
  if (options.command.empty()) return complain({{}, "no command (try --help)"});
  entering = app.count("--enter") > 0;
  options.config.families = options.no_ipv6 ? Families::ipv4_only : Families::both;
  return entering ? enter(options) : make_and_run(options);
}

}  // namespace
}  // namespace postern::lab

int main(int argc, char** argv) { return postern::lab::run_program("postern-lab", postern::lab::lab, argc, argv); }
