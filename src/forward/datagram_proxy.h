// datagram_proxy.h - UDP at the host's loopback: a socket at each published port, and one towards its container for each client.
//
//   client ── 127.0.0.1:53 ══ socket of the port ── a client's own socket, connected ══ container
//
// nftables cannot lead such a datagram to a container: its sender is 127.0.0.1, which no other machine could answer.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <unordered_map>

#include "postern/base/socket_address.h"
#include "postern/forward/listeners.h"
#include "postern/loop/event_loop.h"
#include "postern/wire/bytes.h"

#include "datagram_clients.h"
#include "loopback_targets.h"

namespace postern::forward {

class DatagramProxy {
 public:
  static constexpr int kDatagramsPerTurn = 64;  // of one socket
  struct Limits {
    size_t ports = 4096;
    size_t clients = 1024;
  };

  /// All must outlive this. `listeners` bind what follow() asks for, and hand it to adopt().
  DatagramProxy(loop::EventLoop& loop, Listeners& listeners, const LoopbackTargets& targets, Limits limits);

  /// The targets are others: binds what is new, closes what has gone, ends clients that lead elsewhere by now.
  void follow();
  Status adopt(UniqueFd socket, const stack::Forward& forward);
  void drop(const stack::Forward& forward);

 private:
  using Place = std::pair<IpAddress, Port>;
  struct BoundPort {
    UniqueFd socket;
    stack::Endpoint at;
  };

  void bind(const Place& place);
  void receive_from_clients(uint32_t number);
  void receive_from_container(uint32_t number);
  DatagramClient* client_of(uint32_t port, const stack::Endpoint& address);
  DatagramClient* open_client(uint32_t port, const stack::Endpoint& address);
  void expire();
  uint32_t new_number();
  wire::MutableBytes buffer();

  loop::EventLoop& loop_;
  Listeners& listeners_;
  const LoopbackTargets& targets_;
  Limits limits_;
  loop::EventLoop::Source port_source_, client_source_;
  loop::EventLoop::Timer alarm_;
  bool is_alarm_set_ = false;
  std::map<Place, uint32_t> numbers_;              // of the ports that are bound
  std::unordered_map<uint32_t, BoundPort> ports_;  // by number; none is a client's too
  DatagramClients clients_;
  std::set<Place> refused_;  // that could not be bound, and were told of
  bool has_told_of_limit_ = false;
  uint32_t last_number_ = 0;
  std::unique_ptr<uint8_t[]> buffer_;
};

}  // namespace postern::forward
