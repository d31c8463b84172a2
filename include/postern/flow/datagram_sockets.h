// datagram_sockets.h - the datagram engine's real host side: non-blocking UDP and ping sockets, each registered with epoll once
// and for all; many datagrams a system call in both directions.
#pragma once

#include <functional>
#include <memory>

#include "postern/base/unique_fd.h"
#include "postern/flow/datagram_engine.h"
#include "postern/loop/event_loop.h"

namespace postern::flow {

struct DatagramSocketsConfig {
  std::optional<Ipv4> outbound4;  // bind every socket to it
  std::optional<Ipv6> outbound6;
  HostPort host_port = HostPort::ephemeral;
  /// Where the namespace's remote really is. Nothing: nowhere.
  std::function<std::optional<HostEndpoint>(const IpAddress& remote, Port port)> destination;
  std::function<void(uint32_t token, DatagramEngine::Readiness readiness)> ready;
};

class DatagramSockets final : public DatagramHost {
 public:
  DatagramSockets(loop::EventLoop& loop, DatagramSocketsConfig config);
  ~DatagramSockets();

  /// Makes the bound socket of a published port one of these.
  Status adopt(int socket, uint32_t token);

  Opening open(const DatagramEnds& ends, const HostEndpoint& to, uint32_t token) override;
  void close(int socket) override;
  std::optional<HostEndpoint> destination(const IpAddress& remote, Port port) override {
    return config_.destination(remote, port);
  }
  int send(int socket, std::span<const Outgoing> datagrams) override;
  Batch receive(int socket) override;
  std::optional<Failure> failure(int socket) override;
  void trim() override;

 private:
  Status watch(int socket, uint32_t token);
  int bind_outbound(int socket, const DatagramEnds& ends) const;
  int make_socket(const DatagramEnds& ends);

  struct Messages;
  DatagramSocketsConfig config_;
  loop::EventLoop::Source source_;
  std::unique_ptr<Messages> outgoing_, incoming_;
  std::unique_ptr<class ReceiveSlots> slots_;
  std::array<Incoming, 32> received_{};
  std::array<uint8_t, 576> quoted_{};
  bool has_told_of_ping_ = false;
};

}  // namespace postern::flow
