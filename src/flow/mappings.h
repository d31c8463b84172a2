// mappings.h - the inside of DatagramEngine: all sockets for datagrams, and what happens to them. By file:
//
//   guest_datagrams.cpp   datagrams came from the namespace      host_datagrams.cpp   datagrams and errors came from the host
//   mappings.cpp          beginning, end, whose turn it is       datagram_ends.cpp    who is who on the other side
//
// A mapping that ends loses its socket at once, and is destroyed at the end of the turn: whoever holds a pointer to it meanwhile
// sees Life::closed.
#pragma once

#include <array>
#include <vector>

#include "postern/flow/datagram_engine.h"

#include "flow_table.h"
#include "mapping.h"
#include "peer_table.h"

namespace postern::flow {

class DatagramEngine::Mappings {
 public:
  Mappings(const DatagramConfig& config, DatagramGuest& guest, DatagramHost& host);
  ~Mappings();

  void input(const GuestDatagram& datagram);
  void end_burst();
  void host_ready(uint32_t token, Readiness readiness);
  void run();
  bool has_work() const { return !run_queue_.empty(); }
  std::optional<TimePoint> next_deadline() const;
  void leave_room_for(size_t flows) { others_flows_ = flows; }
  bool give_way();
  std::optional<uint32_t> publish(const Publication& publication);
  void unpublish(uint32_t token);
  size_t open_flows() const { return open_flows_; }
  void for_each_flow(const std::function<void(const Flow&)>& tell);
  std::optional<DatagramEngine::Way> way_of(const DatagramEnds& ends);
  const Counters& counters() const { return counters_; }
  void set_now(TimePoint now) { now_ = now; }

 private:
  using Life = Mapping::Life;
  using ByAge = LinkedList<Mapping, &Mapping::age_links>;
  static constexpr size_t kLives = 4;  // those that end
  static constexpr uint8_t kMostWaiting = 64;

  /// Between two ends on the host's side.
  struct Way {
    HostEndpoint to;
    std::optional<IpAddress> from;  // nothing: the host's choice
  };
  /// A datagram that waits for the end of the burst.
  struct Waiting {
    Way way;
    wire::Bytes payload;
    size_t segment_bytes = 0;
    std::optional<uint8_t> hop_limit;
    uint8_t next = 0;
  };
  /// What the namespace calls an end on the host's side.
  struct Visible {
    IpAddress address;
    Port port;
    Peer* client = nullptr;  // of a published port, until another one is remembered
  };
  /// Datagrams of one source, on their way into the namespace as one frame.
  struct Gathered {
    DatagramEnds ends;
    std::array<iovec, kMostWaiting> pieces;
    size_t count = 0, bytes = 0, segment_bytes = 0, segments = 0;
    bool is_complete = false;  // its last datagram is a short one
  };

  // guest_datagrams.cpp
  bool answer_client(const GuestDatagram& datagram);
  void speak(Mapping& mapping, const Way& way, const GuestDatagram& datagram);
  void queue(Mapping& mapping, const Way& way, const GuestDatagram& datagram);
  void send_waiting(Mapping& mapping);
  bool joins(const Mapping& mapping, const DatagramHost::Outgoing& last, const Waiting& next) const;
  void give(Mapping& mapping, std::span<const DatagramHost::Outgoing> datagrams);
  void give_apart(Mapping& mapping, const DatagramHost::Outgoing& several);
  void could_not_send(Mapping& mapping, const DatagramHost::Outgoing& datagram, int error);

  // host_datagrams.cpp
  void serve(Mapping& mapping);
  void deliver(Mapping& mapping, std::span<const DatagramHost::Incoming> datagrams);
  void gather(Mapping& mapping, const Visible& from, const DatagramHost::Incoming& datagram);
  bool continues(const Mapping& mapping, const Visible& from, const DatagramHost::Incoming& datagram) const;
  void flush_gathered();
  void deliver_echo(Mapping& mapping, const DatagramHost::Incoming& reply);
  void drain_failures(Mapping& mapping);
  void report(const Mapping& mapping, const DatagramHost::Failure& failure);

  // datagram_ends.cpp
  void allow(Mapping& mapping, const HostEndpoint& to, const FlowKey& seen);
  std::optional<Visible> admit(Mapping& mapping, const DatagramHost::Incoming& datagram);
  void begin_anew(Peer& client) const;
  std::optional<Visible> admit_client(Mapping& mapping, const DatagramHost::Incoming& datagram);
  std::optional<Visible> name_of(const Mapping& mapping, const HostEndpoint& end);

  // mappings.cpp
  Mapping* find(const DatagramEnds& ends);
  void lead_out(Mapping& published);
  Mapping* open(const DatagramEnds& ends, const HostEndpoint& to);
  bool make_room(DatagramKind kind);
  void could_not_open(const DatagramEnds& ends, int error);
  void close(Mapping& mapping);
  void heard(Mapping& mapping, Life life);
  void want_run(Mapping& mapping);
  void expire();
  void reap();
  FlowTable& table_of(const Mapping& mapping) { return mapping.is_udp() ? udp_ : echo_; }

  DatagramConfig config_;
  DatagramGuest& guest_;
  DatagramHost& host_;
  TimePoint now_{};
  Slab<Mapping> mappings_;
  FlowTable udp_, echo_;
  PeerTable sent_to_, clients_;
  std::array<ByAge, kLives> by_life_;  // who was heard of longest ago comes first, and ends first
  Counters counters_;
  size_t open_flows_ = 0, open_echo_ = 0, others_flows_ = 0;
  size_t second_ways_ = 0;   // published sockets that would lead out if another did not
  Mapping* last_ = nullptr;  // found last: a burst is mostly of one
  Handle last_client_{};
  LinkedList<Mapping, &Mapping::run_links> run_queue_;
  std::vector<Mapping*> dead_;
  size_t pulled_bytes_ = 0;  // in this turn
  TimePoint peers_looked_at_{};
  std::optional<TimePoint> trim_at_;

  std::array<Waiting, kMostWaiting + 1> waiting_;  // [0] is nobody
  std::array<Mapping*, kMostWaiting> senders_{};
  uint8_t waiting_count_ = 0;
  size_t sender_count_ = 0;
  Gathered gathered_;
};

}  // namespace postern::flow
