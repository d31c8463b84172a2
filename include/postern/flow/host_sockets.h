// host_sockets.h - the engine's real host side: non-blocking stream sockets, each registered with epoll once and for all.
#pragma once

#include <functional>

#include "postern/flow/tcp_engine.h"
#include "postern/loop/event_loop.h"

namespace postern::flow {

struct HostSocketsConfig {
  std::optional<Ipv4> outbound4;  // bind every outgoing socket to it
  std::optional<Ipv6> outbound6;
  /// Where a connection to `remote` really leads: an alias of the virtual network stands for an address of the host. The scope is
  /// that of a link-local address.
  struct Destination {
    IpAddress address;
    Port port;
    uint32_t scope = 0;
  };
  /// Nothing: nobody is there.
  std::function<std::optional<Destination>(const IpAddress& remote, Port port)> destination;
  std::function<void(uint32_t token, TcpEngine::Readiness readiness)> ready;
};

class HostSockets final : public HostSide {
 public:
  HostSockets(loop::EventLoop& loop, HostSocketsConfig config);

  Opening open(const FlowKey& key, uint32_t token) override;
  bool adopt(int socket, uint32_t token) override;
  int outcome(int socket) override;
  ssize_t send(int socket, std::span<const iovec> bytes) override;
  ssize_t receive(int socket, wire::MutableBytes room) override;
  void shut_writing(int socket) override;
  void close(int socket, Closing how) override;
  void keep_alive(int socket, Duration period) override;

 private:
  int bind_outbound(int socket, const IpAddress& towards) const;

  HostSocketsConfig config_;
  loop::EventLoop::Source source_;
};

}  // namespace postern::flow
