// run_command.cpp - puts the rooms together for one command: namespaces, network, start, signals, end.
#include "run_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "postern/base/file.h"
#include "postern/base/log.h"
#include "postern/process/signals.h"

#include "bridge_program.h"
#include "confinement.h"
#include "connection.h"
#include "instance.h"
#include "recording.h"

namespace postern::cli {

namespace {

/// The gateway answers, where it does; otherwise the files are the host's own, as with --network host.
void add_names(const RunOptions& options, const BridgeNetwork& network, workload::WorkloadPlan& plan,
               std::vector<workload::HostEntry>& entries) {
  std::vector<IpAddress> servers = options.network.name_servers;
  if (servers.empty() && network.answers_names) servers = network.gateways;
  if (!servers.empty()) plan.resolv_conf = workload::resolv_conf(read_file("/etc/resolv.conf").value_or(""), servers);
  if (!network.reaches_host) return;
  for (const IpAddress& gateway : network.gateways) entries.push_back({std::string(workload::kHostName), gateway});
}

workload::WorkloadPlan plan_for(const RunOptions& options, const std::optional<VirtualNetwork>& network,
                                const std::optional<BridgeMember>& member) {
  workload::WorkloadPlan plan;
  plan.command = options.command;
  plan.environment = options.environment;
  plan.working_directory = options.working_directory;
  plan.network = options.mode == NetworkMode::host ? workload::Network::host : workload::Network::own;
  plan.hides_shared_folders = options.shared_folders == RunOptions::SharedFolders::hidden;
  plan.identity = options.identity;
  plan.id_ranges = options.id_ranges;
  std::vector<workload::HostEntry> entries = options.add_host;
  if (network) {
    const std::string host_text = read_file("/etc/resolv.conf").value_or("");
    const std::vector<IpAddress>& servers = options.network.name_servers;
    plan.resolv_conf = workload::resolv_conf(host_text, servers.empty() ? nameservers(host_text, *network) : servers);
    for (workload::HostEntry& entry : host_entries(*network)) entries.push_back(std::move(entry));
  }
  if (member) add_names(options, member->network(), plan, entries);
  if (!entries.empty()) plan.hosts = workload::hosts(read_file("/etc/hosts").value_or(""), entries);
  return plan;
}

/// One run of one command. Its life: set_up, then turns of the loop until the workload has ended.
class Run {
 public:
  Run(RunOptions options, const process::Inheritance& inheritance, process::SignalSource signals)
      : options_(std::move(options)), inheritance_(inheritance), signals_(std::move(signals)) {}

  Result<int> go() {
    if (const auto ready = set_up(); !ready) return Failure(ready.error());
    while (!over_) {
      const Status turned = connection_ ? connection_->relay().turn() : loop_->turn();
      if (!turned) return Failure(turned.error());
      if (failure_) return Failure(*failure_);
    }
    if (connection_) {
      if (const Status drained = drain(); !drained) return Failure(drained.error());
      connection_->relay().abandon_tap();
    }
    if (given_up_by_) return 128 + *given_up_by_;
    const auto ended = workload_->wait();
    return ended ? Result<int>(ended->as_shell()) : Failure(ended.error());
  }

 private:
  Status set_up();
  Status connect(const VirtualNetwork& network);
  Result<relay::PendingTap> begin_tap(const relay::TapPlan& plan);
  Status open_doors(const VirtualNetwork& network);
  void start();
  void let_go();
  Status drain();
  Status lock_up();
  void take_signal(const process::Signal& signal);

  RunOptions options_;
  const process::Inheritance& inheritance_;
  process::SignalSource signals_;
  process::ForegroundGuard foreground_;
  std::optional<BridgeMember> member_;  // it leaves the network when the workload has gone
  std::unique_ptr<loop::EventLoop> loop_;
  std::optional<workload::Workload> workload_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<ControlDoors> doors_;
  std::unique_ptr<Recording> recording_;  // with --pcap
  std::optional<Lock> lock_;              // nothing: without a sandbox
  loop::EventLoop::Source signal_source_, end_source_;
  bool started_ = false;
  bool over_ = false;
  std::optional<TimePoint> called_to_end_;  // by a signal, last
  std::optional<int> given_up_by_;          // a signal that came before the command was started
  std::optional<Error> failure_;
};

Status Run::set_up() {
  if (auto& ready_fd = options_.network.ready_fd; ready_fd) {
    // Its reader waits for our end, not for the command's; as standard output it is the command's too.
    if (*ready_fd > STDERR_FILENO) {
      ::fcntl(*ready_fd, F_SETFD, FD_CLOEXEC);
    } else if (const int copy = ::fcntl(*ready_fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1); copy >= 0) {
      ready_fd = copy;
    }
  }
  std::optional<VirtualNetwork> network;
  if (options_.mode == NetworkMode::slirp) {
    const auto chosen = choose_network(options_.network);
    if (!chosen) return Failure(chosen.error());
    network = *chosen;
    network->names.names = answered_names(options_.add_host, *network);
    warn_of_stalls(*network);
  }
  if (options_.mode == NetworkMode::bridge) {
    auto member = BridgeMember::open(options_.bridge);
    if (!member) return Failure(member.error());
    member_.emplace(std::move(*member));
  }
  auto created = workload::Workload::create(plan_for(options_, network, member_), inheritance_);
  if (!created) return Failure(created.error());
  workload_.emplace(std::move(*created));
  POSTERN_TRY(loop, loop::EventLoop::create(), "run");
  loop_ = std::move(loop);
  signal_source_ = loop_->make_source(
      [this](uint32_t, uint32_t) { signals_.drain([this](const process::Signal& signal) { take_signal(signal); }); });
  POSTERN_CHECK(signal_source_.watch(signals_.fd(), EPOLLIN), "run");
  end_source_ = loop_->make_source([this](uint32_t, uint32_t) { over_ = true; });
  POSTERN_CHECK(end_source_.watch(workload_->pidfd(), EPOLLIN), "run");
  if (network) return connect(*network);
  if (Status prepared = workload_->prepared(); !prepared) return prepared;
  if (member_) {
    if (Status joined = member_->join(workload_->proc_folder()); !joined) return joined;
  }
  start();
  return {};
}

/// The network comes with the namespaces, but for that of nested ones, which the init makes when the rest is prepared.
Result<relay::PendingTap> Run::begin_tap(const relay::TapPlan& plan) {
  POSTERN_TRY(target, netns::open_namespaces_in(workload_->proc_folder()), "connect");
  return relay::PendingTap::begin(target, plan);
}

/// The init, the child that opens the TAP, and we ourselves have each our part to do before the command can start: at once.
Status Run::connect(const VirtualNetwork& network) {
  const relay::TapPlan plan{
      .name = "tap0", .configuration = link_configuration(network), .offload = relay::offload_for(network.engine)};
  const bool comes_late = options_.shared_folders == RunOptions::SharedFolders::hidden;
  std::optional<Result<relay::PendingTap>> tap;
  if (!comes_late) tap = begin_tap(plan);
  if (Status opened = open_doors(network); !opened) return opened;
  if (auto confinement = confinement_of(options_.network.sandbox, doors_->socket_folders())) lock_.emplace(*confinement);
  if (Status prepared = workload_->prepared(); !prepared) return prepared;
  if (comes_late) tap = begin_tap(plan);
  POSTERN_TRY(target, netns::open_namespaces_in(workload_->proc_folder()), "connect");
  doors_->name_places(target, plan.name);
  if (Status opened = connection_->open_splicer(target); !opened) return opened;
  if (!*tap) return Failure(tap->error());
  auto connected = (*tap)->finish();
  if (!connected) return Failure(connected.error());
  const auto tap_gone = [] { log::warning("the TAP was deleted: the command goes on without a network"); };
  return connection_->start(
      std::move(*connected), Connection::awaited_behind(plan),
      {.ready = [this] { start(); }, .tap_gone = tap_gone, .before_first_frame = [this] { return lock_up(); }});
}

/// What can be asked of us from outside: published ports, the control socket; and what we write there.
Status Run::open_doors(const VirtualNetwork& network) {
  auto connection = Connection::create(*loop_, network, options_.network.publish);
  if (!connection) return Failure(connection.error());
  connection_ = std::move(*connection);
  doors_ = std::make_unique<ControlDoors>(*loop_, *connection_);
  doors_->open_abstract();
  if (const auto& path = options_.network.api_socket) {
    if (Status opened = doors_->open_at(*path); !opened) return opened;
  }
  if (const auto& path = options_.network.pcap) {
    auto recording = Recording::begin(*loop_, connection_->relay(), *path);
    if (!recording) return Failure(recording.error());
    recording_ = std::move(*recording);
  }
  return {};
}

void Run::start() {
  if (const auto started = workload_->start(); !started) {
    failure_ = started.error();
    return;
  }
  started_ = true;
  tell_ready(options_.network.ready_fd);
  if (!connection_) let_go();
}

void Run::let_go() { inheritance_.let_go({options_.network.ready_fd.value_or(-1)}); }

/// Who has called for the end does not wait for it, and who calls now has waited long enough.
Status Run::drain() {
  using namespace std::chrono_literals;
  constexpr relay::Relay::Patience kCalled = {100ms, 100ms}, kUncalled = {2s, 10s};
  const bool was_called = called_to_end_ && loop_->now() - *called_to_end_ < 1s;  // and not for something else, long ago
  called_to_end_.reset();
  end_source_.unwatch(workload_->pidfd());  // readable for good, it would let nothing wait
  return connection_->drain(was_called ? kCalled : kUncalled, [this] { return called_to_end_.has_value(); });
}

/// Letting go opens a file, so it comes before the lock.
Status Run::lock_up() {
  let_go();
  return lock_ ? lock_->close() : Status();
}

void Run::take_signal(const process::Signal& signal) {
  const bool stop_key = signal.number == SIGTSTP;
  const bool calls_to_end =
      signal.number == SIGHUP || signal.number == SIGINT || signal.number == SIGQUIT || signal.number == SIGTERM;
  if (calls_to_end) called_to_end_ = loop_->now();
  if (!started_ && !stop_key && signal.number != SIGCONT) {
    given_up_by_ = signal.number;
    over_ = true;
    return;
  }
  if (!signal.from_terminal) workload_->signal(signal.number);
  if (stop_key) ::kill(::getpid(), SIGSTOP);  // as the shell that waits for us expects
}

}  // namespace

int run_command(RunOptions options, const process::Inheritance& inheritance) {
  if (options.callers_death == RunOptions::CallersDeath::ends_all) {
    const pid_t caller = ::getppid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != caller) return workload::kOurFailure;  // it died before we could ask to be told
  }
  auto signals =
      process::SignalSource::open({SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGTSTP, SIGWINCH});
  if (!signals) {
    log::error("{}", signals.error().message());
    return workload::kOurFailure;
  }
  const auto status = Run(std::move(options), inheritance, std::move(*signals)).go();
  if (status) return *status;
  if (!was_told(status.error())) log::error("{}", with_remedy(status.error()));
  return workload::kOurFailure;
}

}  // namespace postern::cli
