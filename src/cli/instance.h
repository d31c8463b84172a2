// instance.h - the adapter between a connection and the control socket, and the sockets that a running postern has.
#pragma once

#include <unistd.h>

#include "postern/api/control_socket.h"
#include "postern/api/tracer.h"
#include "postern/netns/namespace.h"

#include "connection.h"

namespace postern::cli {

class RunningInstance final : public api::Instance {
 public:
  /// The connection must outlive it; what libslirp is called with, it is called with from the loop's turns.
  explicit RunningInstance(Connection& connection);

  Result<forward::Published> add_forward(const forward::PortRequest& request) override {
    return connection_.add_forward(request);
  }
  Status remove_forward(forward::ForwardId id, forward::OpenConnections open) override {
    return connection_.remove_forward(id, open);
  }
  std::vector<forward::Published> forwards() const override { return connection_.ports().published(); }
  api::InstanceStatus status() const override;
  api::InstanceCounters counters() const override;
  stack::Flows flows(size_t most) const override { return connection_.flows(most); }
  Result<std::unique_ptr<api::Tracing>> start_trace(api::TraceWish wish, api::EventStream& stream) override {
    return tracer_.start(std::move(wish), stream);
  }
  api::Tracer& tracer() { return tracer_; }

 private:
  Connection& connection_;
  pid_t pid_;  // asked for once: behind the sandbox each call is one that must be allowed
  TimePoint started_;
  api::Tracer tracer_;
};

/// The doors of a running postern. To be made in the host's network namespace, before the sandbox.
class ControlDoors {
 public:
  ControlDoors(loop::EventLoop& loop, Connection& connection) : loop_(loop), instance_(connection) {}
  /// Under api::control_name(). A name that cannot be had is no reason not to run: a warning.
  void open_abstract();
  Status open_at(const std::string& path);
  /// What events of a trace are to say of where they were seen: before the sandbox.
  void name_places(const netns::NamespaceHandle& target, const std::string& tap);
  /// Of the file of open_at(), for Confinement.
  std::vector<int> socket_folders() const;

 private:
  loop::EventLoop& loop_;
  RunningInstance instance_;
  std::unique_ptr<api::ControlSocket> abstract_, file_;
};

}  // namespace postern::cli
