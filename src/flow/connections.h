// connections.h - the inside of TcpEngine: all connections, and what happens to them. By file:
//
//   guest_input.cpp   a segment came from the namespace            guest_output.cpp  segments go to it
//   host_input.cpp    the host's sockets can be read               host_output.cpp   bytes go to them
//   opening.cpp       how connections begin                        connections.cpp   their end, whose turn it is, timers
//
// A connection that ends is taken out of the table and loses its socket at once, and is destroyed at the end of the turn: whoever
// holds a pointer to it meanwhile sees State::closed.
#pragma once

#include <vector>

#include "postern/flow/tcp_engine.h"

#include "chunk_pool.h"
#include "flow_table.h"
#include "gathering.h"
#include "grants.h"
#include "lingering.h"
#include "read_room.h"
#include "run_queue.h"
#include "slab.h"
#include "tcp_flow.h"

namespace postern::flow {

class TcpEngine::Connections {
 public:
  Connections(const TcpConfig& config, GuestSide& guest, HostSide& host);
  ~Connections();

  void input(const GuestSegment& segment);
  Admission accept(const Inbound& inbound);
  bool has_room_for_client();
  void path_mtu(const FlowKey& key, Sequence quoted, unsigned mtu_bytes);
  void unreachable(const FlowKey& key, Sequence quoted);
  void end_burst(Behind behind);
  void host_ready(uint32_t token, Readiness readiness);
  void run();
  bool has_work() const { return !queue_.empty() || !to_acknowledge_.empty() || !grants_.none_is_held(); }
  std::optional<TimePoint> next_deadline() const;
  size_t open_flows() const { return open_flows_; }
  void leave_room_for(size_t flows) { others_flows_ = flows; }
  void for_each_flow(const std::function<void(const Flow&)>& tell);
  int socket_of(const FlowKey& key);
  void reset_if(const std::function<bool(const Flow&)>& which);
  size_t payload_memory_in_use() const { return pool_.used_bytes(); }
  const Counters& counters() const { return counters_; }
  void set_now(TimePoint now) { now_ = now; }

 private:
  using State = TcpFlow::State;

  // guest_input.cpp
  void input_without_flow(const GuestSegment& segment);
  void input_while_connecting(TcpFlow& flow, const GuestSegment& segment);
  void input_while_arriving(TcpFlow& flow, const GuestSegment& segment);
  void input_in_order(TcpFlow& flow, const GuestSegment& segment);
  void input_syn_again(TcpFlow& flow, const GuestSegment& segment);
  bool is_in_place(TcpFlow& flow, const GuestSegment& segment);
  bool accept_acknowledgment(TcpFlow& flow, const GuestSegment& segment);
  void accept_bytes(TcpFlow& flow, const GuestSegment& segment);
  void accept_early(TcpFlow& flow, const TcpReceiver::Fresh& fresh);
  void accept_fin(TcpFlow& flow, Sequence at);
  void join_early(TcpFlow& flow);
  void notice_probe(TcpFlow& flow, const GuestSegment& segment);

  // guest_output.cpp
  void transmit(TcpFlow& flow, Sequence sequence, uint8_t flags, std::span<const iovec> payload, wire::Bytes options = {});
  void send_syn(TcpFlow& flow);
  void send_syn_ack(TcpFlow& flow);
  void send_acknowledgment(TcpFlow& flow);
  void send_reset(TcpFlow& flow);
  void send_probe(TcpFlow& flow);
  void send_stretch(TcpFlow& flow, const TcpSender::Stretch& stretch);
  void send_again(TcpFlow& flow);
  void reset_unknown(const GuestSegment& segment);
  size_t most_in_a_frame(const TcpFlow& flow) const;

  // host_input.cpp
  void pull(TcpFlow& flow);
  bool pull_once(TcpFlow& flow, size_t most_bytes);
  bool has_memory_to_read(const TcpFlow& flow);
  void give_to_guest(TcpFlow& flow, std::span<const iovec> frames, size_t bytes, Behind behind);
  void keep(TcpFlow& flow, Sequence begin, Chunk& chunk, size_t bytes);
  void host_stopped(TcpFlow& flow, ssize_t result);
  void look_for_failure(TcpFlow& flow);

  // host_output.cpp
  void gather(TcpFlow& flow, Sequence sequence, wire::Bytes bytes);
  void flush_gathered();
  void flush_gathered(TcpFlow& flow);
  void send_to_host(TcpFlow& flow, std::span<iovec> vectors, size_t bytes);
  void drain_waiting(TcpFlow& flow);
  void shut_writing_if_done(TcpFlow& flow);
  void host_failed(TcpFlow& flow);

  // opening.cpp
  bool is_full(size_t unanswered) const;
  bool make_room(const size_t& unanswered);
  TcpFlow* begin(const FlowKey& key, Sequence initial);
  void learn_guest(TcpFlow& flow, const GuestSegment& syn);
  void open(const GuestSegment& syn);
  void connected(TcpFlow& flow);
  void refuse(TcpFlow& flow, int error);
  void established(TcpFlow& flow, uint32_t window_bytes, Sequence segment);
  void turn_away(TcpFlow& flow);
  void abandon(TcpFlow& flow);
  size_t& unanswered(const TcpFlow& flow) { return flow.is_inbound ? arriving_ : embryonic_; }
  uint32_t segment_limit(const FlowKey& key) const;
  Sequence initial_sequence(const FlowKey& key) const;
  Sequence next_initial_sequence(const FlowKey& key) const;

  // connections.cpp
  void close(TcpFlow& flow, HostSide::Closing how);
  void finish_if_done(TcpFlow& flow);
  void reap();
  TcpFlow* find(const FlowKey& key);
  void want_run(TcpFlow& flow);
  void want_acknowledgment(TcpFlow& flow);
  void acknowledge();
  void share_out(Behind behind);
  void grant_next();
  void serve_what_was_promised(TcpFlow& flow);
  void serve(TcpFlow& flow);
  void set_timer(TcpFlow& flow);
  void on_timer(TcpFlow& flow);
  void ask_again(TcpFlow& flow);
  void keep_guest_alive(TcpFlow& flow);
  static Flow describe(const TcpFlow& flow);
  void evict();
  bool forget_early();
  void trim_when_idle();

  TcpConfig config_;
  GuestSide& guest_;
  HostSide& host_;
  TimePoint now_{};
  ChunkPool pool_;
  Slab<TcpFlow> flows_;
  FlowTable table_;
  TimerWheel wheel_;
  Lingering lingering_;
  Counters counters_;
  size_t open_flows_ = 0, others_flows_ = 0;
  size_t embryonic_ = 0, arriving_ = 0;  // whose host has not answered; whose namespace has not, of a client's
  TcpFlow* last_ = nullptr;              // found last: a burst is mostly of one connection
  RunQueue queue_;
  Grants grants_;
  std::vector<TcpFlow*> to_acknowledge_, dead_;
  int bursts_waited_ = 0;       // in a row, with acknowledgments
  bool had_burst_ = false;      // since the last run()
  bool expects_burst_ = false;  // before the next run() but one
  ReadRoom read_room_;          // for what comes next from the host
  size_t pulled_bytes_ = 0;     // in this turn
  uint16_t next_ip_id_ = 0;
  TimePoint next_eviction_{}, next_forgetting_{};
  size_t pool_in_use_ = 0;  // when it changed last
  std::optional<TimePoint> trim_at_;

  static constexpr uint32_t kBudgetUnderPressure = 64 * 1024;  // of one connection, each way
  Gathering gathering_;
};

}  // namespace postern::flow
