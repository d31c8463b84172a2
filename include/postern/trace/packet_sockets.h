// packet_sockets.h - packets at the devices of a network namespace, packet(7): what any of them hands to the kernel
// (Point::ingress) and what its driver is given (Point::transmit). Needs no BPF, only power over the namespace: the rung of an
// ordinary user in a user namespace of his own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"
#include "postern/journey/event.h"
#include "postern/journey/following.h"
#include "postern/loop/event_loop.h"
#include "postern/trace/source.h"
#include "postern/wire/bytes.h"

struct sockaddr_ll;  // packet(7)

namespace postern::trace {

class PacketRing;

class PacketSockets : public Source {
 public:
  /// Of the calling thread's network namespace, all of its devices, also those that come later; it stays tied to it, wherever the
  /// thread goes. A packet on the loopback is seen twice: it is transmitted, and then it arrives. `loop` must outlive this.
  /// Errors: EPERM without CAP_NET_RAW in the user namespace that owns the network namespace.
  static Result<std::unique_ptr<PacketSockets>> open(loop::EventLoop& loop, std::shared_ptr<journey::Following> following,
                                                     journey::EventSink sink);

  ~PacketSockets() override;

  /// Of the protocols that the filter may want: some of them may not have been meant.
  uint64_t lost() const override;
  void drain() override;

 private:
  PacketSockets(UniqueFd socket, std::unique_ptr<PacketRing> ring, std::shared_ptr<journey::Following> following,
                journey::EventSink sink);
  /// Whether there was anything.
  bool read_some();
  std::optional<journey::Event> event_of(const sockaddr_ll& from, wire::Bytes bytes);

  UniqueFd socket_;
  std::unique_ptr<PacketRing> ring_;
  uint64_t inode_ = 0;
  std::shared_ptr<journey::Following> following_;
  journey::EventSink sink_;
  mutable uint64_t lost_ = 0;  // the kernel begins anew whenever it is asked
  loop::EventLoop::Source watch_;
};

}  // namespace postern::trace
