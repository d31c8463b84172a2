// tcp_engine.h - the fast engine: ends the namespace's TCP connections here and carries their bytes over sockets of the host.
//
//   namespace ── TAP ── GuestSide ◄──► TcpEngine ◄──► HostSide ── sockets ── net
//                64 KiB a frame       no socket, no clock:     one stream socket
//                in both directions   a state machine          a connection
//
// Why it is fast: a TAP with a vnet header hands over, and takes, 64 KiB of a stream as one frame with one header and no
// checksum; so per 64 KiB there is one read, one send, and a small acknowledgment back, or one receive and one write.
// docs/fast-engine.md. What differs from TCP end to end: a byte is acknowledged when the host's kernel has it, not when the
// remote has.
//
//   connecting ─ host connected ─► syn_received ─ ACK ─► established ─┬ guest's FIN: the host's socket is shut for writing
//       │         (SYN-ACK)            │                              └ host's end: FIN
//       └ host refused: RST, ICMP      └ 5 × no answer                   both done and acknowledged ─► gone
//                                                         a RST on either side becomes one on the other
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "postern/base/clock.h"
#include "postern/flow/flow_key.h"
#include "postern/wire/tcp.h"
#include "postern/wire/tcp_frame.h"

namespace postern::flow {

/// A segment that the filter let pass. Its payload must stay where it is until end_burst() returns.
struct GuestSegment {
  FlowKey key;
  Mac source_mac, destination_mac;
  wire::TcpSegment tcp;
};

/// Why a connection cannot be had, in the words of ICMP; what a program inside sees is its errno.
enum class Refusal { no_route, host, protocol, prohibited };

/// The namespace's side: takes frames. One that is not taken counts as lost on the way, and is sent again.
class GuestSide {
 public:
  /// `payload` is sent in segments of `segment_bytes`, the last one shorter.
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
  /// How an attempt ended, or what has happened since: 0, or the errno, which is told once.
  virtual int outcome(int socket) = 0;
  virtual ssize_t send(int socket, std::span<const iovec> bytes) = 0;
  virtual ssize_t receive(int socket, wire::MutableBytes room) = 0;
  virtual void shut_writing(int socket) = 0;
  virtual void close(int socket, Closing how) = 0;
  /// The namespace asks whether the remote is alive; the host's kernel asks in its turn.
  virtual void keep_alive(int socket, Duration period) = 0;

 protected:
  ~HostSide() = default;
};

struct TcpConfig {
  unsigned mtu_bytes = 1500;
  size_t max_flows = 1024;
  size_t max_embryonic = 1024;                     // of them, those whose host has not answered
  size_t payload_memory_bytes = size_t{64} << 20;  // of all connections together
  std::array<uint64_t, 2> hash_key{};
};

class TcpEngine {
 public:
  struct Readiness {
    bool readable = false, writable = false;
    bool ended = false;   // the remote has closed, or there is an error: read on until the end is read
    bool urgent = false;  // a mark is in the stream, before which a read stops short, tcp(7)
  };
  struct Counters {
    uint64_t opened = 0;            // SYNs that became a connect(2)
    uint64_t refused = 0;           // of them, by the host
    uint64_t dropped_at_limit = 0;  // SYNs that became nothing
    uint64_t resets_to_guest = 0, resets_from_guest = 0;
    uint64_t sent_again = 0;    // stretches of bytes, to the namespace
    uint64_t timeouts = 0;      // of an acknowledgment, a probe's included
    uint64_t out_of_order = 0;  // segments from the namespace with a hole before them
    uint64_t bytes_to_host = 0;
  };

  /// Both sides must outlive the engine.
  TcpEngine(const TcpConfig& config, GuestSide& guest, HostSide& host);
  ~TcpEngine();

  void input(const GuestSegment& segment, TimePoint now);
  /// So many of max_flows are somebody else's.
  void leave_room_for(size_t flows);
  /// A router inside the namespace says that an IP packet may have `mtu_bytes` on the way; it quotes our segment at `sequence`.
  /// What is not in flight was not quoted but guessed, RFC 5927 4.1.
  void path_mtu(const FlowKey& key, uint32_t sequence, unsigned mtu_bytes, TimePoint now);
  /// The namespace has no more to say for now: what came is given to the host and acknowledged.
  void end_burst(TimePoint now);
  void host_ready(uint32_t token, Readiness readiness, TimePoint now);
  /// Moves bytes towards the namespace, a share a connection, and does what is due.
  void run(TimePoint now);

  /// There is more to move: call run() again without waiting.
  bool has_work() const;
  /// When run() has to be called at the latest. May be early.
  std::optional<TimePoint> next_deadline() const;

  size_t open_flows() const;
  /// One connection, for who lists them.
  struct Flow {
    FlowKey key;
    std::string_view state;  // of TCP towards the namespace: "ESTABLISHED"
    int socket;
    size_t bytes_to_guest, bytes_to_host;  // that wait here
    bool guest_may_send;                   // its end has not come yet
  };
  void for_each_flow(const std::function<void(const Flow&)>& tell) const;
  size_t payload_memory_in_use() const;  // of the limit above
  const Counters& counters() const;

 private:
  class Connections;
  std::unique_ptr<Connections> connections_;
};

}  // namespace postern::flow
