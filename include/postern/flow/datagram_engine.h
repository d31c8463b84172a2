// datagram_engine.h - carries the namespace's UDP datagrams, and its ICMP echo, over sockets of the host.
//
//   namespace ── TAP ── DatagramGuest ◄──► DatagramEngine ◄──► DatagramHost ── sockets ── net
//                                          no socket, no clock:  one for each (address, port) inside,
//                                          a table of mappings   whomever it speaks to
//
// A mapping begins with a datagram from inside and ends when nothing has come or gone for a while. Who may send in by it: those
// addresses that it has sent to (RFC 4787 REQ-8), so that a program inside cannot open a port of the host; with
// Filtering::full_cone everybody, but never the host's own loopback unasked. A published port is a mapping that somebody outside
// made: it does not end, and any source may send to it. An echo's mapping is its id and destination.
//
//   fresh ─ an answer came ─► stream            dns: sent to port 53 alone        echo, published
//   30 s                      120 s             10 s                              60 s, for ever
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "postern/base/clock.h"
#include "postern/flow/datagram_sides.h"

namespace postern::flow {

/// Who may send in by a mapping that the namespace made.
enum class Filtering : uint8_t { address_dependent, full_cone };
/// Which port of the host it gets. same: the namespace's own, where that is free.
enum class HostPort : uint8_t { ephemeral, same };

struct DatagramPolicy {
  Filtering filtering = Filtering::address_dependent;
  HostPort host_port = HostPort::ephemeral;
};

struct DatagramConfig {
  size_t max_flows = 1024;
  size_t max_echo = 256;      // of them
  size_t max_peers = 65'536;  // addresses that mappings have sent to; as many clients of published ports
  Filtering filtering = Filtering::address_dependent;
  /// As whom the namespace sees who speaks to `guest`, where his own address means somebody else inside: the gateway.
  std::function<std::optional<IpAddress>(const IpAddress& client, const IpAddress& guest)> stand_in;
  std::array<uint64_t, 2> hash_key{};
};

class DatagramEngine {
 public:
  struct Counters {
    uint64_t opened = 0;                 // mappings
    uint64_t to_host = 0, to_guest = 0;  // datagrams
    uint64_t filtered = 0;               // from outside, of strangers; answers to clients that are forgotten
    uint64_t reports_to_guest = 0;       // ICMP errors
    uint64_t evicted = 0;                // mappings that made room for others
    uint64_t lost = 0;                   // datagrams that the host did not take
    uint64_t dropped_at_limit = 0;       // datagrams that got no mapping
    uint64_t bytes_to_host = 0, bytes_to_guest = 0;
  };
  struct Readiness {
    bool readable = false;
    bool failed = false;  // there is something in the error queue
  };

  /// Both sides must outlive the engine.
  DatagramEngine(const DatagramConfig& config, DatagramGuest& guest, DatagramHost& host);
  ~DatagramEngine();

  void input(const GuestDatagram& datagram, TimePoint now);
  /// So many of max_flows are somebody else's.
  void leave_room_for(size_t flows);
  /// The mapping that has been idle longest, of those that may, ends. False: there is none.
  bool give_way();
  /// The namespace has no more to say for now: what came is given to the host.
  void end_burst(TimePoint now);
  void host_ready(uint32_t token, Readiness readiness, TimePoint now);
  /// Moves datagrams towards the namespace, a share a mapping, and does what is due.
  void run(TimePoint now);
  bool has_work() const;
  /// When run() has to be called at the latest. May be early.
  std::optional<TimePoint> next_deadline() const;

  /// From now on `socket` is a way to (guest, guest_port). Returns its token, which the socket is to be watched with; nothing: no
  /// room. `is_way_out`: the namespace's own datagrams from there leave by it too.
  struct Publication {
    IpAddress guest;
    Port guest_port;
    int socket;
    bool is_way_out;
    Mac guest_mac, gateway_mac;  // until the namespace has spoken from there
  };
  std::optional<uint32_t> publish(const Publication& publication);
  /// Closes the socket.
  void unpublish(uint32_t token);

  /// Mappings that have a socket of their own; published ones not counted.
  size_t open_flows() const;
  struct Flow {
    DatagramEnds ends;  // the remote spoken to last
    bool is_inbound;    // a client of a published port
    int socket;
    std::chrono::seconds expires;
    uint64_t carried_to_guest, carried_to_host;  // bytes of payload since it began; of echo, of the message
    TimePoint began;
  };
  void for_each_flow(TimePoint now, const std::function<void(const Flow&)>& tell) const;
  /// By which socket what `key` names is carried, and to whom in truth. Nothing: there is no mapping for it.
  struct Way {
    int socket;
    HostEndpoint to;
  };
  std::optional<Way> way_of(DatagramKind kind, const FlowKey& key) const;
  const Counters& counters() const;

 private:
  class Mappings;
  std::unique_ptr<Mappings> mappings_;
};

}  // namespace postern::flow
