// server_sockets.h - the relay's real host side: connected datagram sockets, one for each query and server.
#pragma once

#include "postern/dns/dns_relay.h"
#include "postern/loop/event_loop.h"

namespace postern::dns {

class ServerSockets final : public HostSide {
 public:
  struct Config {
    std::optional<Ipv4> outbound4;  // bind every socket to it, but those towards the loopback
    std::optional<Ipv6> outbound6;
    std::function<void(uint32_t token)> ready;
  };
  /// The loop must outlive it.
  ServerSockets(loop::EventLoop& loop, Config config);

  Opening ask(const NameServer& server, wire::Bytes query, uint32_t token) override;
  int ask_again(int socket, wire::Bytes query) override;
  ssize_t receive(int socket, wire::MutableBytes room) override;
  void close(int socket) override;

 private:
  int connect(int socket, const NameServer& server) const;

  Config config_;
  loop::EventLoop::Source source_;
};

}  // namespace postern::dns
