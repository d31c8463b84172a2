// connections.cpp - how connections end, and whose turn it is.
#include "connections.h"

#include <algorithm>

namespace postern::flow {

namespace {

constexpr int kBurstsToWait = 3;                      // for an acknowledgment: some hundred microseconds of a busy line
constexpr uint32_t kWorthAcknowledging = 256 * 1024;  // of one connection, at once
constexpr int kFlowsPerTurn = 16;
constexpr size_t kBytesPerTurn =
    size_t{256} * 1024;  // to the namespace; then its acknowledgments free memory that is in the cache
constexpr Duration kSilenceBeforeProbe = std::chrono::hours(2);  // RFC 1122 4.2.3.6
constexpr Duration kBetweenProbes = std::chrono::seconds(75);    // tcp(7)
constexpr int kMostProbes = 9;
constexpr Duration kWaitForMemory = std::chrono::milliseconds(10);
constexpr Duration kBeforeTrimming = std::chrono::seconds(5);
constexpr Duration kBetweenEvictions = std::chrono::seconds(1);
constexpr Duration kSilenceOfHalfClosed = std::chrono::seconds(60);
constexpr Duration kSilenceOfHost = std::chrono::seconds(10);  // whoever waits has asked three times by then

/// As netstat(8) would say it of a socket in the remote's place.
std::string_view name_of_state(const TcpFlow& flow) {
  using State = TcpFlow::State;
  if (flow.state == State::syn_sent) return "SYN_SENT";
  if (flow.state != State::established) return "SYN_RECV";
  const bool guest_ended = flow.receiver.is_finished(), host_ended = flow.sender.is_finished();
  if (guest_ended && host_ended) return "LAST_ACK";
  if (guest_ended) return "CLOSE_WAIT";
  return host_ended ? "FIN_WAIT" : "ESTABLISHED";
}

}  // namespace

TcpEngine::Connections::Connections(const TcpConfig& config, GuestSide& guest, HostSide& host)
    : config_(config),
      guest_(guest),
      host_(host),
      pool_(config.payload_memory_bytes),
      flows_(static_cast<uint32_t>(2 * config.max_flows)),  // the dead of a turn included
      table_(config.hash_key),
      wheel_(TimePoint()) {}

TcpEngine::Connections::~Connections() {
  flows_.for_each([this](TcpFlow& flow) {
    if (flow.state == State::closed || flow.socket < 0) return;
    // Where the namespace has said all, the host's kernel delivers what it holds, as that of any program that has ended.
    host_.close(flow.socket, flow.writing_is_shut ? HostSide::Closing::orderly : HostSide::Closing::reset);
  });
}

TcpFlow* TcpEngine::Connections::find(const FlowKey& key) {
  if (last_ && last_->key == key) return last_;
  const auto index = table_.find(key, [this](uint32_t i) -> const FlowKey& { return flows_.at(i).key; });
  return index ? last_ = &flows_.at(*index) : nullptr;
}

void TcpEngine::Connections::close(TcpFlow& flow, HostSide::Closing how) {
  if (flow.state == State::closed) return;
  if (flow.state != State::established) --unanswered(flow);
  --open_flows_;
  flow.state = State::closed;
  if (flow.socket >= 0) host_.close(flow.socket, how);
  table_.erase(flow.key, flow.handle.index);
  wheel_.cancel(flow.timer);
  queue_.forget(flow);
  grants_.forget(flow);
  flow.retained.clear();
  flow.waiting.clear();
  flow.early.clear();
  if (last_ == &flow) last_ = nullptr;
  flow.gathered = {};
  dead_.push_back(&flow);
}

void TcpEngine::Connections::finish_if_done(TcpFlow& flow) {
  if (flow.state != State::established || !flow.sender.fin_is_acknowledged()) return;
  if (!flow.receiver.is_finished() || !flow.waiting.empty()) return;
  lingering_.remember({flow.key, flow.sender.max(), flow.receiver.next(), now_});
  if (flow.acknowledgment_due) send_acknowledgment(flow);
  close(flow, HostSide::Closing::orderly);
}

/// At the limit room is made for new ones by connections of which one side has ended, and that have long been silent; and by
/// those whose host has long been silent, without a word to the namespace, which asks again; and by clients for whom the
/// namespace has. All are looked at, so not often.
void TcpEngine::Connections::evict() {
  if (now_ < next_eviction_) return;
  next_eviction_ = now_ + kBetweenEvictions;
  flows_.for_each([this](TcpFlow& flow) {
    const bool waits = flow.state == State::connecting || flow.state == State::syn_sent;
    if (waits && now_ - flow.heard >= kSilenceOfHost) return close(flow, HostSide::Closing::reset);
    const bool half_closed = flow.state == State::established && (flow.receiver.is_finished() || flow.sender.is_finished());
    if (!half_closed || now_ - flow.heard < kSilenceOfHalfClosed) return;
    send_reset(flow);
    close(flow, HostSide::Closing::reset);
  });
}

/// Memory is scarce. What came early was never acknowledged: it may be forgotten, RFC 2018 8, and comes again. Of all
/// connections, so not often.
bool TcpEngine::Connections::forget_early() {
  if (now_ < next_forgetting_) return false;
  next_forgetting_ = now_ + kBetweenEvictions;
  flows_.for_each([](TcpFlow& flow) { flow.early.clear(); });
  return true;
}

void TcpEngine::Connections::reap() {
  for (TcpFlow* flow : dead_) flows_.erase(flow->handle);
  dead_.clear();
}

void TcpEngine::Connections::want_run(TcpFlow& flow) {
  if (flow.state != State::established) return;
  queue_.add(flow);
  if (flow.place == TcpFlow::Place::fresh) return;
  serve_what_was_promised(flow);  // which waits for nobody
  if (flow.state == State::established) set_timer(flow);
}

void TcpEngine::Connections::want_acknowledgment(TcpFlow& flow) {
  if (std::exchange(flow.acknowledgment_due, true)) return;
  to_acknowledge_.push_back(&flow);
}

/// Where more is behind, the namespace does not wait for us, and an acknowledgment of much costs no more than one of little.
void TcpEngine::Connections::end_burst(Behind behind) {
  flush_gathered();
  share_out(behind);
  const bool may_wait = behind == Behind::more && bursts_waited_ < kBurstsToWait;
  bursts_waited_ = may_wait ? bursts_waited_ + 1 : 0;
  expects_burst_ = may_wait;
  for (TcpFlow* flow : to_acknowledge_) {
    const auto untold = static_cast<uint32_t>(flow->receiver.next() - flow->acknowledged);
    const auto window = static_cast<uint32_t>(flow->receiver.edge() - flow->acknowledged);
    const uint32_t worth_telling = std::min(kWorthAcknowledging, window / 2);
    flow->acknowledgment_may_wait = may_wait && untold < worth_telling && flow->waiting.empty();
  }
  acknowledge();
}

/// As few connections are granted as keep us busy: fewer where more is behind the burst than we carry, one more where nothing is.
void TcpEngine::Connections::share_out(Behind behind) {
  had_burst_ = true;
  grants_.set_now(now_);
  if (behind == Behind::nothing || grants_.hold_those_who_had_their_share()) grant_next();
  while (grants_.one_is_overdue()) grant_next();
  grants_.begin_burst();
}

void TcpEngine::Connections::grant_next() {
  if (TcpFlow* flow = grants_.grant_next()) send_acknowledgment(*flow);
}

void TcpEngine::Connections::acknowledge() {
  size_t waiting = 0;
  for (size_t i = 0; i < to_acknowledge_.size(); ++i) {
    TcpFlow& flow = *to_acknowledge_[i];
    if (!flow.acknowledgment_due || !flow.is_open()) continue;
    if (flow.acknowledgment_may_wait)
      to_acknowledge_[waiting++] = &flow;
    else
      send_acknowledgment(flow);
  }
  to_acknowledge_.resize(waiting);
}

void TcpEngine::Connections::host_ready(uint32_t token, Readiness readiness) {
  TcpFlow* flow = flows_.get(Handle::unpack(token));
  if (!flow || flow->state == State::closed) return;
  if (flow->state == State::connecting) {
    if (!readiness.writable && !readiness.ended) return;
    const int error = readiness.ended ? host_.outcome(flow->socket) : 0;  // writable and nothing else: connected
    flow->was_reset = error == ECONNRESET;                                // it had connected: a refusal is another error
    if (error != 0 && !flow->was_reset) return refuse(*flow, error);
    connected(*flow);
  }
  if (flow->state == State::syn_sent && readiness.ended && host_.outcome(flow->socket) != 0) return abandon(*flow);
  flow->can_read |= readiness.readable || readiness.ended;
  flow->can_write |= readiness.writable;
  flow->reads_stop_short |= readiness.ended || readiness.urgent;
  flow->may_have_failed |= readiness.ended;
  want_run(*flow);
}

void TcpEngine::Connections::run() {
  wheel_.advance(now_, [this](TimerWheel::Node& node) {
    if (TcpFlow* flow = flows_.get(Handle::unpack(node.owner))) on_timer(*flow);
  });
  pulled_bytes_ = 0;
  queue_.set_now(now_);
  for (int served = 0; served < kFlowsPerTurn && pulled_bytes_ < kBytesPerTurn && !queue_.empty();) {
    serve(queue_.take());
    ++served;
  }
  flush_gathered();
  if (!std::exchange(had_burst_, false)) grant_next();
  if (!std::exchange(expects_burst_, false)) {  // what was to be behind has not come
    for (TcpFlow* flow : to_acknowledge_) flow->acknowledgment_may_wait = false;
  }
  acknowledge();
  reap();
  trim_when_idle();
}

void TcpEngine::Connections::serve_what_was_promised(TcpFlow& flow) {
  drain_waiting(flow);
  if (flow.state == State::established) send_again(flow);
}

void TcpEngine::Connections::serve(TcpFlow& flow) {
  flow.starved = false;
  serve_what_was_promised(flow);
  if (flow.state == State::established) pull(flow);
  if (flow.state == State::established) finish_if_done(flow);
  if (flow.state == State::established) set_timer(flow);
}

void TcpEngine::Connections::set_timer(TcpFlow& flow) {
  TimePoint deadline = TimePoint::max();
  if (flow.state == State::established) deadline = flow.heard + kSilenceBeforeProbe + flow.keep_alive_probes * kBetweenProbes;
  if (const auto due = flow.sender.deadline()) deadline = std::min(deadline, *due);
  if (flow.starved) deadline = std::min(deadline, flow.starved_at + kWaitForMemory);
  if (deadline != TimePoint::max()) wheel_.set(flow.timer, deadline);
}

void TcpEngine::Connections::on_timer(TcpFlow& flow) {
  if (flow.state == State::closed) return;
  if (flow.starved && now_ >= flow.starved_at + kWaitForMemory) {
    flow.starved_at = now_;
    want_run(flow);
  }
  switch (flow.sender.on_deadline(now_)) {
    case TcpSender::Expiry::nothing: break;
    case TcpSender::Expiry::probe: send_probe(flow); break;
    case TcpSender::Expiry::send_again:
      ++counters_.timeouts;
      ask_again(flow);
      break;
    case TcpSender::Expiry::give_up:
      if (flow.state == State::syn_sent) return turn_away(flow);
      send_reset(flow);
      return close(flow, HostSide::Closing::reset);
  }
  if (flow.state == State::established) keep_guest_alive(flow);
  if (flow.state != State::closed) set_timer(flow);
}

void TcpEngine::Connections::ask_again(TcpFlow& flow) {
  if (flow.state == State::syn_sent) return send_syn(flow);
  if (flow.state == State::syn_received) return send_syn_ack(flow);
  want_run(flow);
}

/// Whether a namespace that has long been silent is still there: for its remote's sake, and for the socket.
void TcpEngine::Connections::keep_guest_alive(TcpFlow& flow) {
  if (now_ - flow.heard < kSilenceBeforeProbe + flow.keep_alive_probes * kBetweenProbes) return;
  if (flow.keep_alive_probes++ < kMostProbes) return send_probe(flow);
  send_reset(flow);
  close(flow, HostSide::Closing::reset);
}

TcpEngine::Flow TcpEngine::Connections::describe(const TcpFlow& flow) {
  const bool guest_may_send = flow.is_open() && !flow.receiver.is_finished();
  return {flow.key,       name_of_state(flow), flow.socket,           flow.retained.bytes(), flow.waiting.size(),
          guest_may_send, flow.is_inbound,     flow.carried_to_guest, flow.carried_to_host,  flow.sender.round_trip(),
          flow.began};
}

void TcpEngine::Connections::for_each_flow(const std::function<void(const Flow&)>& tell) {
  flows_.for_each([&](const TcpFlow& flow) {
    if (flow.state != State::closed) tell(describe(flow));
  });
}

int TcpEngine::Connections::socket_of(const FlowKey& key) {
  const TcpFlow* const flow = find(key);
  return flow ? flow->socket : -1;
}

void TcpEngine::Connections::reset_if(const std::function<bool(const Flow&)>& which) {
  flows_.for_each([&](TcpFlow& flow) {
    if (flow.state == State::closed || !which(describe(flow))) return;
    if (flow.state != State::connecting) send_reset(flow);
    close(flow, HostSide::Closing::reset);
  });
}

std::optional<TimePoint> TcpEngine::Connections::next_deadline() const {
  const auto timer = wheel_.next();
  if (!trim_at_) return timer;
  return timer ? std::min(*timer, *trim_at_) : *trim_at_;
}

/// Memory that a burst has used goes back to the kernel some seconds after it.
void TcpEngine::Connections::trim_when_idle() {
  const bool room_is_forgotten = !read_room_.empty() && !trim_at_;  // it took another chunk's place: no change to be seen
  if (pool_.used_bytes() != pool_in_use_ || room_is_forgotten) {
    pool_in_use_ = pool_.used_bytes();
    trim_at_ = now_ + kBeforeTrimming;
  } else if (trim_at_ && now_ >= *trim_at_) {
    trim_at_.reset();
    read_room_.clear();
    pool_.trim();
    pool_in_use_ = pool_.used_bytes();
  }
}

TcpEngine::TcpEngine(const TcpConfig& config, GuestSide& guest, HostSide& host)
    : connections_(std::make_unique<Connections>(config, guest, host)) {}
TcpEngine::~TcpEngine() = default;

void TcpEngine::input(const GuestSegment& segment, TimePoint now) {
  connections_->set_now(now);
  connections_->input(segment);
}
TcpEngine::Admission TcpEngine::accept(const Inbound& inbound, TimePoint now) {
  connections_->set_now(now);
  return connections_->accept(inbound);
}
bool TcpEngine::has_room_for_client(TimePoint now) {
  connections_->set_now(now);
  return connections_->has_room_for_client();
}
void TcpEngine::leave_room_for(size_t flows) { connections_->leave_room_for(flows); }
void TcpEngine::path_mtu(const FlowKey& key, uint32_t sequence, unsigned mtu_bytes, TimePoint now) {
  connections_->set_now(now);
  connections_->path_mtu(key, Sequence{sequence}, mtu_bytes);
}
void TcpEngine::unreachable(const FlowKey& key, uint32_t sequence, TimePoint now) {
  connections_->set_now(now);
  connections_->unreachable(key, Sequence{sequence});
}
void TcpEngine::reset_if(const std::function<bool(const Flow&)>& which, TimePoint now) {
  connections_->set_now(now);
  connections_->reset_if(which);
}
void TcpEngine::end_burst(TimePoint now, Behind behind) {
  connections_->set_now(now);
  connections_->end_burst(behind);
}
void TcpEngine::host_ready(uint32_t token, Readiness readiness, TimePoint now) {
  connections_->set_now(now);
  connections_->host_ready(token, readiness);
}
void TcpEngine::run(TimePoint now) {
  connections_->set_now(now);
  connections_->run();
}
bool TcpEngine::has_work() const { return connections_->has_work(); }
std::optional<TimePoint> TcpEngine::next_deadline() const { return connections_->next_deadline(); }
void TcpEngine::for_each_flow(const std::function<void(const Flow&)>& tell) const { connections_->for_each_flow(tell); }
int TcpEngine::socket_of(const FlowKey& key) const { return connections_->socket_of(key); }
size_t TcpEngine::open_flows() const { return connections_->open_flows(); }
size_t TcpEngine::payload_memory_in_use() const { return connections_->payload_memory_in_use(); }
const TcpEngine::Counters& TcpEngine::counters() const { return connections_->counters(); }

}  // namespace postern::flow
