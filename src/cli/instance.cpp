#include "instance.h"

#include <fmt/format.h>
#include <unistd.h>

#include "postern/api/control_client.h"
#include "postern/base/log.h"

namespace postern::cli {

namespace {

std::string engine_text(relay::Engine engine) {
  const std::string libslirp = "libslirp " + stack::slirp_version();
  return engine == relay::Engine::fast ? "fast, with " + libslirp : libslirp;
}

/// By the TAP every one of them is seen as the gateway.
api::InstanceStatus::LoopbackClients loopback_clients(const Connection& connection) {
  if (!connection.splicer()) return {.way = "tap", .source = "gateway"};
  const bool by_loopback = connection.network().publish_source == PublishSource::loopback;
  return {.way = "splice", .source = by_loopback ? "loopback" : "namespace"};
}

/// By what others call a network namespace. 0: it cannot be seen.
uint64_t inode_of(const Result<netns::FileIdentity>& identity) { return identity ? identity->inode : 0; }

}  // namespace

RunningInstance::RunningInstance(Connection& connection)
    : connection_(connection),
      pid_(::getpid()),
      started_(Clock::now()),
      tracer_(
          connection.relay(),
          {.guest = {}, .host = {inode_of(netns::identity_of("/proc/self/ns/net")), {}}, .tap = {}, .self = {pid_, "postern"}}) {}

api::InstanceStatus RunningInstance::status() const {
  return {.version = POSTERN_VERSION,
          .pid = pid_,
          .engine = engine_text(connection_.network().engine),
          .tap = connection_.relay().tap_mode(),
          .network = connection_.network().stack,
          .guest6 = connection_.network().guest6(),
          .uptime = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - started_),
          .open_flows = connection_.used_flows(),
          .names = connection_.relay().name_service(),
          .loopback_clients = loopback_clients(connection_)};
}

api::InstanceCounters RunningInstance::counters() const {
  const auto* engine = connection_.relay().engine_counters();
  const auto* datagrams = connection_.relay().datagram_counters();
  const auto names = connection_.relay().name_service();
  return {.frames = connection_.relay().counters(),
          .drops = connection_.relay().filter().drops(),
          .engine = engine ? std::optional(*engine) : std::nullopt,
          .spliced = connection_.spliced(),
          .datagrams = datagrams ? std::optional(*datagrams) : std::nullopt,
          .names = names ? std::optional(names->counters) : std::nullopt};
}

void ControlDoors::open_abstract() {
  auto socket = api::ControlSocket::listen_abstract(loop_, instance_, api::control_name(::geteuid(), ::getpid()));
  if (!socket) return log::warning("no control socket: {}", socket.error().message());
  abstract_ = *std::move(socket);
}

Status ControlDoors::open_at(const std::string& path) {
  auto socket = api::ControlSocket::listen_at(loop_, instance_, path);
  if (!socket) return Failure(within("--api-socket", socket.error()));
  file_ = *std::move(socket);
  return {};
}

void ControlDoors::name_places(const netns::NamespaceHandle& target, const std::string& tap) {
  instance_.tracer().set_guest({inode_of(netns::identity_of(target.network.get())), {}},
                               {.index = 0, .name = tap, .kind = "tun"});
}

std::vector<int> ControlDoors::socket_folders() const { return file_ ? std::vector{file_->folder()} : std::vector<int>(); }

}  // namespace postern::cli
