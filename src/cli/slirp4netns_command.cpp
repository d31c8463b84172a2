// slirp4netns_command.cpp - the engine of `attach`, with slirp4netns's beginning and end around it.
//
//   begin: TAP (from a namespace, a descriptor, a client's socket) · banner · control socket · confinement · frames · "1"
//   end:   exit-fd 0 · target ended 0 · TAP deleted 1 · a signal: tidied up, then died of, for clients look at that
#include "slirp4netns_command.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>

#include "postern/base/log.h"
#include "postern/process/signals.h"

#include "bess_listener.h"
#include "confinement.h"
#include "connection.h"
#include "exit_watch.h"
#include "instance.h"
#include "slirp4netns_text.h"

namespace postern::cli {

namespace {

constexpr std::chrono::milliseconds kPatienceForIpv6{500};  // buildah 1.28 gives up after a second in all

/// How it ended.
struct End {
  int status = 0;
  int signal = 0;  // not 0: the one that ended it
};

/// Signals that the caller ignores (nohup) still arrive at a signalfd.
bool is_ignored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

int die_by(int signal) {
  std::fflush(stdout);
  std::signal(signal, SIG_DFL);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, signal);
  ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
  ::raise(signal);
  return 128 + signal;  // pid 1 of a namespace is not killed by its own
}

relay::Target watched(const Slirp4netnsTarget& target) {
  if (const auto* path = std::get_if<std::string>(&target)) return *path;
  return std::get<pid_t>(target);
}

bool has_namespace(const Slirp4netnsOptions& options) { return !options.tap.empty(); }

Result<netns::NamespaceHandle> open_target(const Slirp4netnsOptions& options) {
  if (const auto* path = std::get_if<std::string>(&options.target)) return netns::open_namespaces(*path, options.userns_path);
  const std::string folder = fmt::format("/proc/{}/ns/", std::get<pid_t>(options.target));
  return netns::open_namespaces(folder + "net", options.userns_path.empty() ? folder + "user" : options.userns_path);
}

class Service {
 public:
  explicit Service(const Slirp4netnsOptions& options) : options_(options), ready_fd_(options.network.ready_fd) {}

  Result<End> go() {
    if (const auto ready = set_up(); !ready) return Failure(ready.error());
    while (!end_) {
      if (const Status turned = connection_->relay().turn(); !turned) return Failure(turned.error());
      if (failure_) return Failure(*failure_);
    }
    return *end_;
  }

 private:
  Status set_up();
  Status watch_for_the_end();
  Status connect();
  Status serve(relay::ConnectedTap tap, Connection::Awaited awaited);
  Status open_control_socket();
  Status confine();
  void end(End how, std::string_view why) {
    if (end_) return;
    end_ = how;
    if (!why.empty()) log::info("{}", why);
  }
  void end_by_exit_fd() {
    if (!end_) say(stderr, "exitfd event\n");
    end({}, "");
  }

  const Slirp4netnsOptions& options_;
  std::optional<int> ready_fd_;
  bool exit_fd_is_closed_ = false;
  VirtualNetwork network_;
  std::unique_ptr<loop::EventLoop> loop_;
  std::optional<process::SignalSource> signals_;
  loop::EventLoop::Source signal_source_;
  ExitWatch exit_watch_;
  std::unique_ptr<relay::TargetWatch> target_watch_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<ControlDoors> doors_;
  std::unique_ptr<BessListener> bess_;
  std::optional<End> end_;
  std::optional<Error> failure_;  // of what was done from the loop
};

Status Service::set_up() {
  exit_fd_is_closed_ = options_.exit_fd && !ExitWatch::is_open(*options_.exit_fd);
  if (ready_fd_ && !ExitWatch::is_open(*ready_fd_)) ready_fd_.reset();  // nobody listens; the number will soon be one of ours
  POSTERN_TRY(loop, loop::EventLoop::create(), "event loop");
  loop_ = std::move(loop);
  auto network = choose_network(options_.network);
  if (!network) return Failure(network.error());
  network_ = *network;
  POSTERN_CHECK(watch_for_the_end(), "watch for the end");
  auto connection = Connection::create(*loop_, network_, {});
  if (!connection) return Failure(connection.error());
  connection_ = std::move(*connection);
  doors_ = std::make_unique<ControlDoors>(*loop_, *connection_);
  POSTERN_CHECK(connect(), "connect");
  if (exit_fd_is_closed_) end_by_exit_fd();
  return {};
}

Status Service::watch_for_the_end() {
  POSTERN_TRY(signals, process::SignalSource::open({SIGHUP, SIGINT, SIGTERM}), "signals");
  signals_.emplace(std::move(signals));
  signal_source_ = loop_->make_source([this](uint32_t, uint32_t) {
    signals_->drain([this](const process::Signal& signal) {
      if (!is_ignored(signal.number)) end({.status = 0, .signal = signal.number}, "");
    });
  });
  POSTERN_CHECK(signal_source_.watch(signals_->fd(), EPOLLIN), "signals");
  if (options_.exit_fd && !exit_fd_is_closed_)
    POSTERN_CHECK(exit_watch_.begin(*loop_, *options_.exit_fd, [this] { end_by_exit_fd(); }), "--exit-fd");
  if (!has_namespace(options_)) return {};
  auto watch = relay::TargetWatch::create(*loop_, watched(options_.target), [this] { end({}, "the namespace has ended"); });
  if (!watch) return Failure(watch.error());
  target_watch_ = std::move(*watch);
  return {};
}

Status Service::connect() {
  if (const auto* tap = std::get_if<TapDescriptor>(&options_.target)) {
    POSTERN_TRY(mode, netns::adopt_tap(tap->fd, relay::offload_for(network_.engine)), "TAPFD");
    return serve({.tap = UniqueFd(tap->fd), .mode = mode, .address_watch = {}, .link_index = 0}, Connection::Awaited::nothing);
  }
  if (const auto* socket = std::get_if<BessSocket>(&options_.target)) {
    POSTERN_TRY(listener,
                BessListener::create(*loop_, socket->path,
                                     [this](UniqueFd client) {
                                       const Status served =
                                           serve({.tap = std::move(client), .mode = {}, .address_watch = {}, .link_index = 0},
                                                 Connection::Awaited::nothing);
                                       if (!served) failure_ = served.error();
                                     }),
                "bess");
    bess_ = std::move(listener);
    say(stderr, fmt::format("Waiting for connection to {}\n", socket->path));
    return {};
  }
  POSTERN_TRY(target, open_target(options_), "open");
  relay::TapPlan plan{.name = options_.tap, .configuration = {}, .offload = relay::offload_for(network_.engine)};
  const bool configures = options_.configure == AttachOptions::Configure::yes;
  if (configures) {
    plan.configuration = link_configuration(network_);
    plan.configuration->mac = options_.network.mac;  // without the option it stays the kernel's choice, or the TAP's maker's
  }
  doors_->name_places(target, plan.name);
  auto tap = relay::connect_tap(target, plan);
  if (!tap) return Failure(tap.error());
  const bool awaits_ipv6 = configures && network_.stack.ipv6;
  return serve(std::move(*tap), awaits_ipv6 ? Connection::Awaited::ipv6_address : Connection::Awaited::nothing);
}

Status Service::serve(relay::ConnectedTap tap, Connection::Awaited awaited) {
  say(stdout, slirp4netns_banner(options_, network_));
  POSTERN_CHECK(open_control_socket(), "control socket");
  POSTERN_CHECK(confine(), "confinement");
  const auto tap_gone = [this] {
    if (has_namespace(options_)) return end({.status = kFailure}, options_.tap + " was deleted");
    if (std::holds_alternative<TapDescriptor>(options_.target)) return end({.status = kFailure}, "the TAP was deleted");
    end({}, "the client on the socket has gone");
  };
  return connection_->start(
      std::move(tap), awaited,
      {.ready = [this] { tell_ready(ready_fd_); }, .tap_gone = tap_gone, .patience_for_ipv6 = kPatienceForIpv6});
}

Status Service::open_control_socket() {
  if (options_.api_socket.empty()) return {};
  return doors_->open_at(options_.api_socket);
}

/// Frames and "1" come after it. Clients read /proc/PID/root, so we stay dumpable.
Status Service::confine() {
  using Asked = Slirp4netnsOptions::Asked;
  const bool sandbox = options_.sandbox == Asked::yes, seccomp = options_.seccomp == Asked::yes;
  if (!sandbox && !seccomp) return {};
  std::vector<int> socket_folders = doors_->socket_folders();
  if (bess_) socket_folders.push_back(bess_->folder());
  const Lock lock({.layers = {.mounts = sandbox, .capabilities = sandbox, .seccomp = seccomp},
                   .dumpable = sandbox::Dumpable::yes,
                   .directories = {"/etc", "/run"},
                   .socket_folders = std::move(socket_folders),
                   .raw_sockets = Confinement::RawSockets::none});
  return lock.close();
}

/// The words by which clients know that the value of --outbound-addr or --outbound-addr6 is to blame.
void complain_about_outbound(const Error& error) {
  const bool six = error.context.starts_with("--outbound-addr6 ");
  if (!six && !error.context.starts_with("--outbound-addr ")) return;
  say(stderr, fmt::format("outbound-addr{0} has to be valid ipv{1} address or interface name.\n", six ? "6" : "", six ? 6 : 4));
}

}  // namespace

int slirp4netns_command(const Slirp4netnsOptions& options) {
  const auto end = Service(options).go();
  if (end) return end->signal != 0 ? die_by(end->signal) : end->status;
  complain_about_outbound(end.error());
  log::error("{}", with_remedy(end.error()));
  return kFailure;
}

}  // namespace postern::cli
