// sides.h - what TcpEngine stands between: the namespace, to which frames go, and the host, which has sockets.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>

#include "postern/base/clock.h"
#include "postern/flow/flow_key.h"
#include "postern/wire/tcp_frame.h"

namespace postern::flow {

/// Why a connection cannot be had, in the words of ICMP; what a program inside sees is its errno.
enum class Refusal { no_route, host, protocol, prohibited };

/// The namespace's side: takes frames. One that is not taken counts as lost on the way, and is sent again.
class GuestSide {
 public:
  /// `payload` is sent in segments of `segment_bytes`, the last one shorter. Where the destination's MAC is all zero, nobody has
  /// heard of it yet.
  virtual void transmit(const wire::TcpFrame& frame, std::span<const iovec> payload, size_t segment_bytes) = 0;
  /// A SYN that is to be answered by an ICMP error.
  struct Attempt {
    FlowKey key;
    Mac guest_mac, gateway_mac;
    uint32_t sequence;
  };
  virtual void refuse(const Attempt& attempt, Refusal why) = 0;

 protected:
  ~GuestSide() = default;
};

/// The host's side: stream sockets, non-blocking, each by a number of the host side's choice. Bytes moved, or a negative errno.
class HostSide {
 public:
  enum class Closing { orderly, reset };  // reset: the remote sees a RST, SO_LINGER 0
  struct Opening {
    int socket = -1;
    int error = 0;  // of the attempt; EINPROGRESS: host_ready() will tell
  };
  /// `token` comes back in host_ready(), edge-triggered, until close().
  virtual Opening open(const FlowKey& key, uint32_t token) = 0;
  /// The same for a socket that is connected already. False: it cannot be watched.
  virtual bool adopt(int socket, uint32_t token) = 0;
  /// How an attempt ended, or what has happened since: 0, or the errno, which is told once.
  virtual int outcome(int socket) = 0;
  virtual ssize_t send(int socket, std::span<const iovec> bytes) = 0;
  /// Fills the first of `room` first; none of them is empty. Less than there is room for: nothing more for now, but before the
  /// end, an error or an urgent mark.
  virtual ssize_t receive(int socket, std::span<const iovec> room) = 0;
  virtual void shut_writing(int socket) = 0;
  virtual void close(int socket, Closing how) = 0;
  /// The namespace asks whether the remote is alive; the host's kernel asks in its turn.
  virtual void keep_alive(int socket, Duration period) = 0;

 protected:
  ~HostSide() = default;
};

}  // namespace postern::flow
