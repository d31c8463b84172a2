// host_listeners.h - listeners of our own: TCP ports accept in bursts, UDP ports are bound and handed over.
//
//   port ─ SYN ─► the kernel's backlog ─ accept4, 64 a turn ─► Clients::arrived()
//                       └ nobody can take more: it waits there, looked at again every 100 ms
//
// A port costs a descriptor, an entry here, and whatever the kernel keeps for a socket; adding, removing and accepting look at
// that one entry, however many there are.
#pragma once

#include <functional>
#include <vector>

#include "postern/base/unique_fd.h"
#include "postern/forward/listeners.h"
#include "postern/loop/event_loop.h"
#include "postern/stack/flow.h"

namespace postern::forward {

/// Who carries what comes to published ports.
class Clients {
 public:
  /// Whether another connection can be carried now.
  virtual bool have_room() const = 0;
  /// `socket` is a connection from `client`, non-blocking.
  virtual void arrived(UniqueFd socket, const stack::Endpoint& client, const stack::Forward& forward) = 0;
  /// `socket` is bound to the host's end of `forward`, non-blocking.
  virtual Status publish_udp(UniqueFd socket, const stack::Forward& forward) = 0;
  virtual void unpublish_udp(const stack::Forward& forward) = 0;

 protected:
  ~Clients() = default;
};

class HostListeners final : public Listeners {
 public:
  static constexpr int kAcceptedPerTurn = 64;  // of one port, so that a flood of one leaves the others their turn
  static constexpr Duration kRest = std::chrono::milliseconds(100);

  /// Both must outlive this. To be made in the host's network namespace.
  HostListeners(loop::EventLoop& loop, Clients& clients);

  Result<Listening> listen(const stack::Forward& forward) override;
  Status close(const stack::Forward& forward, uint32_t number) override;

 private:
  struct Listener {
    UniqueFd socket;  // of TCP; UDP sockets are their carrier's
    stack::Forward forward;
  };

  uint32_t keep(UniqueFd socket, const stack::Forward& forward);
  Listener* find(uint32_t number);
  void accept_burst(uint32_t number);
  void rest(uint32_t number);
  void wake();

  loop::EventLoop& loop_;
  Clients& clients_;
  loop::EventLoop::Source source_;
  std::vector<Listener> listeners_;  // by number
  std::vector<uint32_t> free_, resting_;
  loop::EventLoop::Timer alarm_;
};

}  // namespace postern::forward
