// opening.cpp - how connections begin: by a SYN of the namespace (open, connected, refuse), or by a client of a published port
// (accept, established, turn_away).
#include <cerrno>

#include "connections.h"
#include "refusal.h"

namespace postern::flow {

namespace {

constexpr uint32_t kLeastSegment = 64;

}  // namespace

uint32_t TcpEngine::Connections::segment_limit(const FlowKey& key) const {
  return std::max(config_.mtu_bytes - std::min(config_.mtu_bytes, headers_of(key)), kLeastSegment);
}

/// RFC 6528 3: a clock of 4 us and a keyed hash.
Sequence TcpEngine::Connections::initial_sequence(const FlowKey& key) const {
  const auto ticks = std::chrono::duration_cast<std::chrono::microseconds>(now_.time_since_epoch()).count() / 4;
  return Sequence{static_cast<uint32_t>(ticks) + static_cast<uint32_t>(hash(key, config_.hash_key) >> 32)};
}

/// The namespace may have the last connection between these ends in TIME_WAIT, and takes a SYN for a new one only if it is beyond
/// what that one said, RFC 9293 3.6.1: a fast one outruns the clock.
Sequence TcpEngine::Connections::next_initial_sequence(const FlowKey& key) const {
  const Sequence first = initial_sequence(key);
  const auto ended = lingering_.find(key, now_);
  return ended ? later(first, ended->next_to_guest + 1) : first;
}

bool TcpEngine::Connections::is_full(size_t unanswered) const {
  return open_flows_ + others_flows_ >= config_.max_flows || unanswered >= config_.max_embryonic;
}

bool TcpEngine::Connections::make_room(const size_t& unanswered) {
  if (is_full(unanswered)) evict();
  if (!is_full(unanswered)) return true;
  ++counters_.dropped_at_limit;
  return false;
}

bool TcpEngine::Connections::has_room_for_client() {
  if (is_full(arriving_)) evict();
  return !is_full(arriving_);
}

/// Where the namespace's SYN is not known yet, it is learned when it comes: learn_guest().
TcpFlow* TcpEngine::Connections::begin(const FlowKey& key, Sequence initial) {
  TcpFlow* flow = flows_.emplace(key, initial, default_segment_of(key), Sequence{}, uint8_t{0});
  if (!flow) {  // as many as may live have died in this one burst
    ++counters_.dropped_at_limit;
    return nullptr;
  }
  flow->handle = flows_.handle_of(*flow);
  flow->timer.owner = flow->handle.packed();
  flow->heard = flow->began = now_;
  table_.insert(flow->key, flow->handle.index);
  ++open_flows_;
  return flow;
}

void TcpEngine::Connections::learn_guest(TcpFlow& flow, const GuestSegment& syn) {
  const auto options = wire::TcpOptions::parse(syn.tcp.options);
  const uint32_t named = options.mss.value_or(default_segment_of(flow.key));
  const uint32_t segment = std::min(std::max(named, kLeastSegment), segment_limit(flow.key));
  const uint8_t shift = options.window_scale ? TcpReceiver::kWindowShift : 0;
  flow.sender.name_segment(segment);
  flow.receiver = TcpReceiver(Sequence{syn.tcp.sequence}, shift, segment);
  flow.guest_syn = Sequence{syn.tcp.sequence};
  flow.guest_mac = syn.source_mac;
  flow.gateway_mac = syn.destination_mac;
  flow.guest_scales = options.window_scale.has_value();
  flow.guest_shift = options.window_scale.value_or(0);
  flow.guest_knows_sack = options.sack_permitted;
}

void TcpEngine::Connections::open(const GuestSegment& syn) {
  if (!make_room(embryonic_)) return;
  TcpFlow* begun = begin(syn.key, initial_sequence(syn.key));
  if (!begun) return;
  TcpFlow& flow = *begun;
  learn_guest(flow, syn);
  ++embryonic_;
  ++counters_.opened;
  const auto opening = host_.open(flow.key, flow.handle.packed());
  flow.socket = opening.socket;
  if (opening.error == 0) return connected(flow);
  if (opening.error != EINPROGRESS) refuse(flow, opening.error);
}

void TcpEngine::Connections::connected(TcpFlow& flow) {
  flow.state = State::syn_received;
  flow.can_write = true;
  send_syn_ack(flow);
  set_timer(flow);
}

void TcpEngine::Connections::refuse(TcpFlow& flow, int error) {
  ++counters_.refused;
  const Answer answer = answer_to(error, flow.key.is_v4());
  if (std::holds_alternative<Reset>(answer)) {
    transmit(flow, Sequence{}, wire::tcp_flag::rst | wire::tcp_flag::ack, {});
  } else if (const auto* why = std::get_if<Refusal>(&answer)) {
    guest_.refuse({flow.key, flow.guest_mac, flow.gateway_mac, flow.guest_syn.number}, *why);
  }
  close(flow, HostSide::Closing::orderly);
}

TcpEngine::Admission TcpEngine::Connections::accept(const Inbound& inbound) {
  if (find(inbound.key)) return Admission::taken;
  if (!make_room(arriving_)) return Admission::full;
  TcpFlow* begun = begin(inbound.key, next_initial_sequence(inbound.key));
  if (!begun) return Admission::full;
  TcpFlow& flow = *begun;
  flow.is_inbound = true;
  flow.state = State::syn_sent;
  flow.guest_mac = inbound.guest_mac;
  flow.gateway_mac = inbound.gateway_mac;
  flow.socket = inbound.socket;
  flow.can_write = true;
  ++arriving_;
  ++counters_.arrived;
  if (!host_.adopt(flow.socket, flow.handle.packed())) {
    close(flow, HostSide::Closing::reset);
    return Admission::opened;
  }
  send_syn(flow);
  set_timer(flow);
  return Admission::opened;
}

/// Both have said SYN and heard the other's. What the client has sent meanwhile waits in its socket.
void TcpEngine::Connections::established(TcpFlow& flow, uint32_t window_bytes, Sequence segment) {
  flow.sender.open(window_bytes, segment, now_);
  --unanswered(flow);
  flow.state = State::established;
  want_run(flow);
}

/// The namespace refuses a client, or is silent.
void TcpEngine::Connections::turn_away(TcpFlow& flow) {
  ++counters_.turned_away;
  close(flow, HostSide::Closing::reset);
}

/// The client has gone before the namespace has answered.
void TcpEngine::Connections::abandon(TcpFlow& flow) {
  send_reset(flow);
  close(flow, HostSide::Closing::orderly);
}

}  // namespace postern::flow
