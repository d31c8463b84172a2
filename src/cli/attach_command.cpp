// attach_command.cpp - a namespace that somebody else made: connect it, and end when it does.
#include "attach_command.h"

#include <fmt/format.h>

#include "postern/base/log.h"
#include "postern/process/signals.h"

#include "confinement.h"
#include "connection.h"
#include "instance.h"
#include "recording.h"

namespace postern::cli {

namespace {

Result<netns::NamespaceHandle> open_target(const relay::Target& target) {
  if (const auto* path = std::get_if<std::string>(&target)) return netns::open_namespaces_at(*path);
  return netns::open_namespaces_of(std::get<pid_t>(target));
}

std::string describe(const relay::Target& target) {
  if (const auto* path = std::get_if<std::string>(&target)) return *path;
  return fmt::format("process {}", std::get<pid_t>(target));
}

class Attachment {
 public:
  explicit Attachment(const AttachOptions& options) : options_(options), ready_fd_(options.network.ready_fd) {}

  Result<int> go() {
    if (const auto ready = set_up(); !ready) return Failure(ready.error());
    while (!status_) {
      if (const Status turned = connection_->relay().turn(); !turned) return Failure(turned.error());
    }
    return *status_;
  }

 private:
  Status set_up();
  Status open_doors();
  void end(int status, std::string_view why) {
    if (!status_) log::info("{}", why);
    status_ = status;
  }

  const AttachOptions& options_;
  std::optional<int> ready_fd_;
  std::unique_ptr<loop::EventLoop> loop_;
  std::optional<process::SignalSource> signals_;
  loop::EventLoop::Source signal_source_;
  std::unique_ptr<relay::TargetWatch> target_watch_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<ControlDoors> doors_;
  std::unique_ptr<Recording> recording_;  // with --pcap
  std::optional<Lock> lock_;              // nothing: without a sandbox
  std::optional<int> status_;
};

Status Attachment::set_up() {
  POSTERN_TRY(loop, loop::EventLoop::create(), "attach");
  loop_ = std::move(loop);
  POSTERN_TRY(signals, process::SignalSource::open({SIGHUP, SIGINT, SIGTERM}), "attach");
  signals_.emplace(std::move(signals));
  signal_source_ = loop_->make_source([this](uint32_t, uint32_t) {
    signals_->drain([this](const process::Signal& signal) { end(0, fmt::format("ended by signal {}", signal.number)); });
  });
  POSTERN_CHECK(signal_source_.watch(signals_->fd(), EPOLLIN), "attach");
  POSTERN_TRY(watch,
              relay::TargetWatch::create(*loop_, options_.target, [this] { end(0, describe(options_.target) + " has ended"); }),
              "attach");
  target_watch_ = std::move(watch);
  POSTERN_TRY(target, open_target(options_.target), "attach");
  auto network = choose_network(options_.network);
  if (!network) return Failure(network.error());
  network->names.names = answered_names({}, *network);
  warn_of_stalls(*network);
  auto connection = Connection::create(*loop_, *network, options_.network.publish);
  if (!connection) return Failure(connection.error());
  connection_ = std::move(*connection);
  if (Status opened = open_doors(); !opened) return opened;
  doors_->name_places(target, options_.tap);
  relay::TapPlan plan{.name = options_.tap, .configuration = {}, .offload = relay::offload_for(options_.network.engine)};
  if (options_.configure == AttachOptions::Configure::yes) plan.configuration = link_configuration(*network);
  if (Status opened = connection_->open_splicer(target); !opened) return opened;
  auto pending = relay::PendingTap::begin(target, plan);
  if (!pending) return Failure(pending.error());
  if (auto confinement = confinement_of(options_.network.sandbox, doors_->socket_folders())) lock_.emplace(*confinement);
  auto tap = pending->finish();
  if (!tap) return Failure(tap.error());
  return connection_->start(std::move(*tap), Connection::awaited_behind(plan),
                            {.ready = [this] { tell_ready(ready_fd_); },
                             .tap_gone = [this] { end(kFailure, options_.tap + " was deleted"); },
                             .before_first_frame = [this] { return lock_ ? lock_->close() : Status(); }});
}

/// The control socket, and the file of --pcap.
Status Attachment::open_doors() {
  doors_ = std::make_unique<ControlDoors>(*loop_, *connection_);
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

}  // namespace

int attach_command(const AttachOptions& options) {
  const auto status = Attachment(options).go();
  if (status) return *status;
  log::error("{}", with_remedy(status.error()));
  return kFailure;
}

}  // namespace postern::cli
