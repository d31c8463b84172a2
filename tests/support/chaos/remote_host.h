// remote_host.h - the host's side of the engine with nobody behind it: sockets in memory, with a remote on each that reads and
// writes by a plan, now and then, and a send buffer that fills. It does what Linux's non-blocking sockets do with EPOLLET: an
// edge for what changed, a short read only where nothing is left, an error that is told once.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "postern/flow/tcp_engine.h"

#include "peer_tcp.h"

namespace postern::chaos {

class RemoteHost final : public flow::HostSide {
 public:
  /// What became of a remote's end.
  struct Fate {
    uint64_t received_bytes = 0;  // all of them right, or complaint() says so
    bool heard_end = false;       // a FIN behind them
    bool heard_reset = false;
    bool aborted = false;  // it has reset the connection itself
  };

  RemoteHost(const std::vector<Plan>& plans, uint64_t seed) : plans_(plans), fates_(plans.size()), dice_(seed) {}

  Opening open(const flow::FlowKey& key, uint32_t token) override;
  bool adopt(int, uint32_t) override { return false; }  // nobody comes from outside here
  int outcome(int socket) override;
  ssize_t send(int socket, std::span<const iovec> bytes) override;
  ssize_t receive(int socket, std::span<const iovec> room) override;
  void shut_writing(int socket) override;
  void close(int socket, Closing how) override;
  void keep_alive(int socket, Duration) override { (void)at(socket); }

  /// What the remotes do at `now`; then the edges that epoll would tell.
  void pass(TimePoint now);
  struct Edge {
    uint32_t token;
    flow::TcpEngine::Readiness readiness;
  };
  std::vector<Edge> take_edges();
  std::optional<TimePoint> deadline() const;

  /// Those too whose last bytes the remote has not read.
  size_t open_sockets() const { return sockets_.size() + lingering_.size(); }
  /// One a connection that got through: a SYN that comes late makes another.
  const std::vector<Fate>& fates(size_t plan) const { return fates_[plan]; }
  const std::string& complaint() const { return complaint_; }
  std::string describe(size_t plan) const;

 private:
  struct Socket {
    size_t plan;
    uint32_t token;
    uint64_t capacity;  // of the send buffer
    size_t fate = 0;
    uint64_t sent = 0;     // taken from the engine
    uint64_t drained = 0;  // of it, read by the remote
    uint64_t produced = 0, received = 0;
    bool connected = false, shut = false, ended = false, wants_room = false;
    int error = 0;  // not told yet
    bool broken = false;
    bool is_closed = false;  // by the engine; what it left in the buffer is still read
    std::optional<TimePoint> connects_at{}, drains_at{}, produces_at{}, aborts_at{};
  };

  Socket& at(int number);
  const Plan& plan_of(const Socket& socket) const { return plans_[socket.plan]; }
  Fate& fate_of(const Socket& socket) { return fates_[socket.plan][socket.fate]; }
  void connect(Socket& socket, TimePoint now);
  void drain(Socket& socket, TimePoint now);
  void produce(Socket& socket, TimePoint now);
  void abort(Socket& socket);
  void tell(const Socket& socket, flow::TcpEngine::Readiness readiness);
  void complain(std::string what);
  Duration pause(const Plan& plan);
  bool may_end(const Socket& socket) const;
  int take_error(Socket& socket, int otherwise);

  const std::vector<Plan>& plans_;
  std::vector<std::vector<Fate>> fates_;
  Dice dice_;
  TimePoint now_{};
  std::map<int, Socket> sockets_, lingering_;
  std::vector<Edge> edges_;
  std::string complaint_;
  int next_number_ = 3;
};

}  // namespace postern::chaos
