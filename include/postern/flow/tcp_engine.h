// tcp_engine.h - the fast engine: ends the namespace's TCP connections here and carries their bytes over sockets of the host.
//
//   namespace ── TAP ── GuestSide ◄──► TcpEngine ◄──► HostSide ── sockets ── net
//                64 KiB a frame       no socket, no clock:     one stream socket
//                in both directions   a state machine          a connection
//
// Why it is fast: a TAP with a vnet header hands over, and takes, 64 KiB of a stream as one frame with one header and no
// checksum; so per 64 KiB there is one read, one send, and a small acknowledgment back, or one write, and one receive for up to
// six of them. docs/fast-engine.md. What differs from TCP end to end: a byte is acknowledged when the host's kernel has it, not
// when the remote has.
//
//   connecting ─ host connected ─► syn_received ─ ACK ─► established ─┬ guest's FIN: the host's socket is shut for writing
//       │         (SYN-ACK)            │                      ▲       └ host's end: FIN
//       └ host refused: RST, ICMP      └ 5 × no answer        │          both done and acknowledged ─► gone
//   syn_sent ─ SYN-ACK ───────────────────────────────────────┘       a RST on either side becomes one on the other
//       └ RST, ICMP, 5 × no answer: the client gets a RST
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "postern/base/clock.h"
#include "postern/flow/flow_key.h"
#include "postern/flow/sides.h"
#include "postern/wire/tcp.h"

namespace postern::flow {

/// What waits behind a burst: more of the namespace's frames, as far as is known.
enum class Behind : uint8_t { nothing, more };

/// A segment that the filter let pass. Its payload must stay where it is until end_burst() returns.
struct GuestSegment {
  FlowKey key;
  Mac source_mac, destination_mac;
  wire::TcpSegment tcp;
};

/// A connection that a client outside has opened to a port of the namespace.
struct Inbound {
  FlowKey key;      // remote: the client, as the namespace shall see it
  Mac guest_mac;    // all zero: not known yet
  Mac gateway_mac;  // from which the namespace hears of it
  int socket;       // of the host side's numbers
};

struct TcpConfig {
  unsigned mtu_bytes = 1500;
  size_t max_flows = 1024;
  size_t max_embryonic = 1024;                     // of them, those whose host has not answered; and whose namespace has not
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
    uint64_t arrived = 0;           // clients of published ports
    uint64_t turned_away = 0;       // of them, by the namespace, by its silence too
    uint64_t dropped_at_limit = 0;  // SYNs and clients that became nothing
    uint64_t resets_to_guest = 0, resets_from_guest = 0;
    uint64_t sent_again = 0;                         // stretches of bytes, to the namespace
    uint64_t timeouts = 0;                           // of an acknowledgment, a probe's included
    uint64_t out_of_order = 0;                       // segments from the namespace with a hole before them
    uint64_t bytes_to_host = 0, bytes_to_guest = 0;  // each once
  };

  /// Both sides must outlive the engine.
  TcpEngine(const TcpConfig& config, GuestSide& guest, HostSide& host);
  ~TcpEngine();

  void input(const GuestSegment& segment, TimePoint now);
  /// Opens a connection towards the namespace, and carries it like any other. Not `opened`: the socket stays the caller's.
  enum class Admission { opened, taken, full };  // taken: there is a connection between these two ends already
  Admission accept(const Inbound& inbound, TimePoint now);
  /// accept() will find room, which is made if it can be.
  bool has_room_for_client(TimePoint now);
  /// So many of max_flows are somebody else's.
  void leave_room_for(size_t flows);
  /// A router inside the namespace says that an IP packet may have `mtu_bytes` on the way; it quotes our segment at `sequence`.
  /// What is not in flight was not quoted but guessed, RFC 5927 4.1.
  void path_mtu(const FlowKey& key, uint32_t sequence, unsigned mtu_bytes, TimePoint now);
  /// A router or a host inside says that our segment at `sequence` cannot be delivered: of a connection that is established, that
  /// passes, RFC 5927 5.
  void unreachable(const FlowKey& key, uint32_t sequence, TimePoint now);
  /// What came is given to the host, and acknowledged: at once where nothing is behind it, for then the namespace may wait for
  /// us; else in time, as much together as may be, and who has had its share meanwhile is told no further window before its turn.
  void end_burst(TimePoint now, Behind behind = Behind::nothing);
  void host_ready(uint32_t token, Readiness readiness, TimePoint now);
  /// Moves bytes towards the namespace, of at most 16 connections and of none once 256 KiB have come, and does what is due.
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
    bool is_inbound;
    uint64_t carried_to_guest, carried_to_host;  // bytes since it began, each once
    std::optional<Duration> guest_round_trip;    // smoothed; nothing: the namespace has not answered yet
    TimePoint began;
  };
  void for_each_flow(const std::function<void(const Flow&)>& tell) const;
  /// Of the connection of that name; -1: there is none.
  int socket_of(const FlowKey& key) const;
  /// Ends those of which `which` says so, with a RST on both sides.
  void reset_if(const std::function<bool(const Flow&)>& which, TimePoint now);
  size_t payload_memory_in_use() const;  // of the limit above
  const Counters& counters() const;

 private:
  class Connections;
  std::unique_ptr<Connections> connections_;
};

}  // namespace postern::flow
