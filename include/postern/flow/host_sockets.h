// host_sockets.h - the engine's real host side: non-blocking stream sockets, each registered with epoll once and for all.
//
// Where one of several destinations will do, the next is tried under the same descriptor number when one fails (dup3(2)): to the
// engine it is one connection that has not been answered yet.
#pragma once

#include <functional>
#include <vector>

#include "postern/flow/tcp_engine.h"
#include "postern/loop/event_loop.h"

namespace postern::flow {

struct HostSocketsConfig {
  std::optional<Ipv4> outbound4;  // bind every outgoing socket to it, but those towards the loopback
  std::optional<Ipv6> outbound6;
  /// Where a connection to `remote` really leads: an alias of the virtual network stands for an address of the host. The scope is
  /// that of a link-local address.
  struct Destination {
    IpAddress address;
    Port port;
    uint32_t scope = 0;
    bool is_nameserver = false;               // one on the loopback is asked from there, for it may serve nobody else
    std::vector<Destination> otherwise = {};  // tried in turn where this one refuses, or is silent for kPatience
  };
  /// Nothing: nobody is there.
  std::function<std::optional<Destination>(const IpAddress& remote, Port port)> destination;
  /// One that stands for several has connected.
  std::function<void(const Destination& which)> connected = {};
  std::function<void(uint32_t token, TcpEngine::Readiness readiness)> ready;
};

class HostSockets final : public HostSide {
 public:
  static constexpr std::chrono::seconds kPatience{2};  // sooner than a program inside sends its SYN for the third time

  HostSockets(loop::EventLoop& loop, HostSocketsConfig config);

  Opening open(const FlowKey& key, uint32_t token) override;
  bool adopt(int socket, uint32_t token) override;
  int outcome(int socket) override;
  ssize_t send(int socket, std::span<const iovec> bytes) override;
  ssize_t receive(int socket, std::span<const iovec> room) override;
  void shut_writing(int socket) override;
  void close(int socket, Closing how) override;
  void keep_alive(int socket, Duration period) override;

 private:
  using Destination = HostSocketsConfig::Destination;
  /// One of several destinations is being connected to, or none would have us.
  struct Attempt {
    int socket;
    uint32_t token;
    std::vector<Destination> destinations;
    size_t current = 0;
    TimePoint patience_ends;  // with the current one, if there is another
    int error = 0;            // of the last
  };

  Opening open_one_of(std::vector<Destination> destinations, uint32_t token);
  Opening open_towards(const Destination& destination, uint32_t token);
  UniqueFd socket_towards(const Destination& destination, int& error) const;
  int connect(int socket, const Destination& destination, uint32_t token);
  int replace(int socket, const Destination& destination, uint32_t token);
  int bind_outbound(int socket, const Destination& towards) const;
  void event(uint32_t token, uint32_t events);
  void try_next(Attempt& attempt, int error);
  void arrived(Attempt& attempt, const TcpEngine::Readiness& readiness);
  void lose_patience();
  void wait_for_first();
  Attempt* attempt_of(int socket);

  loop::EventLoop& loop_;
  HostSocketsConfig config_;
  loop::EventLoop::Source source_;
  std::vector<Attempt> attempts_;  // seldom any
  loop::EventLoop::Timer patience_;
};

}  // namespace postern::flow
