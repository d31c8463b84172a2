// guest_input.cpp - a segment came from the namespace: RFC 9293 3.10.7, with the cautions of RFC 5961.
#include <algorithm>

#include "connections.h"

namespace postern::flow {

namespace {

using namespace wire::tcp_flag;

constexpr Duration kLeastKeepAlive = std::chrono::seconds(10);
constexpr Duration kLeastBetweenAnswers =
    std::chrono::milliseconds(4);  // to what is out of place; or two ends may answer for ever

/// What the segment takes of the sequence space.
size_t length_of(const wire::TcpSegment& tcp) { return tcp.payload.size() + tcp.has(syn) + tcp.has(fin); }

}  // namespace

void TcpEngine::Connections::input(const GuestSegment& segment) {
  TcpFlow* flow = find(segment.key);
  if (!flow) return input_without_flow(segment);
  if (flow->state == State::connecting) return input_while_connecting(*flow, segment);
  if (flow->state == State::syn_sent) return input_while_arriving(*flow, segment);
  input_in_order(*flow, segment);
  if (flow->state == State::established) set_timer(*flow);
}

void TcpEngine::Connections::input_without_flow(const GuestSegment& segment) {
  const wire::TcpSegment& tcp = segment.tcp;
  if (tcp.has(rst)) return lingering_.forget(segment.key);  // to our answer to its new SYN, perhaps: the next one opens
  const auto ended = lingering_.find(segment.key, now_);
  const bool is_old = ended && before(Sequence{tcp.sequence}, ended->next_from_guest);
  if (tcp.is_initial_syn() && !is_old) return open(segment);  // RFC 1122 4.2.2.13
  if (!is_old && (!ended || tcp.has(syn))) return reset_unknown(segment);
  if (length_of(tcp) == 0) return;
  const wire::TcpFrame frame{.destination_mac = segment.source_mac,
                             .source_mac = segment.destination_mac,
                             .source = segment.key.remote,
                             .destination = segment.key.guest,
                             .source_port = segment.key.remote_port,
                             .destination_port = segment.key.guest_port,
                             .sequence = ended->next_to_guest.number,
                             .acknowledgment = ended->next_from_guest.number,
                             .flags = ack,
                             .window = 0,
                             .options = {},
                             .ip_id = next_ip_id_++};
  guest_.transmit(frame, {}, 1);
}

/// Never below what every path carries, whatever it says: RFC 9293 3.7.1.
void TcpEngine::Connections::path_mtu(const FlowKey& key, Sequence quoted, unsigned mtu_bytes) {
  TcpFlow* flow = find(key);
  if (!flow || flow->state != State::established || !flow->sender.is_in_flight(quoted)) return;
  const uint32_t segment = mtu_bytes - std::min(mtu_bytes, headers_of(key));
  if (flow->sender.shrink_segment(std::max(segment, default_segment_of(key)))) want_run(*flow);
}

/// The same SYN again is patience. Another one is a new attempt by somebody who has given the old one up.
void TcpEngine::Connections::input_while_connecting(TcpFlow& flow, const GuestSegment& segment) {
  const wire::TcpSegment& tcp = segment.tcp;
  if (tcp.has(rst)) {
    if (Sequence{tcp.sequence} == flow.receiver.next()) close(flow, HostSide::Closing::reset);
    return;
  }
  if (!tcp.is_initial_syn() || Sequence{tcp.sequence} == flow.guest_syn) return;
  close(flow, HostSide::Closing::reset);
  open(segment);
}

/// RFC 9293 3.10.7.3. What the namespace still holds of an older connection between these ends answers with a number that we
/// never sent: our RST ends it, and the next SYN is taken.
void TcpEngine::Connections::input_while_arriving(TcpFlow& flow, const GuestSegment& segment) {
  const wire::TcpSegment& tcp = segment.tcp;
  const bool is_ours = tcp.has(ack) && Sequence{tcp.acknowledgment} == flow.sender.max();
  if (tcp.has(rst)) {
    if (is_ours) turn_away(flow);
    return;
  }
  if (tcp.has(ack) && !is_ours) return reset_unknown(segment);
  if (!tcp.has(syn)) return;
  flow.heard = now_;
  learn_guest(flow, segment);
  if (!is_ours) {  // its SYN has crossed ours, RFC 9293 3.5 figure 8
    flow.state = State::syn_received;
    return send_syn_ack(flow);
  }
  (void)flow.receiver.announce_unscaled();  // our SYN has promised so much
  established(flow, tcp.window, Sequence{tcp.sequence});
  want_acknowledgment(flow);
  set_timer(flow);
}

/// Linux takes any such error for the end of an attempt, and for nothing after it.
void TcpEngine::Connections::unreachable(const FlowKey& key, Sequence quoted) {
  TcpFlow* flow = find(key);
  if (flow && flow->state == State::syn_sent && flow->sender.is_in_flight(quoted)) turn_away(*flow);
}

void TcpEngine::Connections::input_in_order(TcpFlow& flow, const GuestSegment& segment) {
  const wire::TcpSegment& tcp = segment.tcp;
  if (!is_in_place(flow, segment)) return;
  flow.heard = now_;
  flow.keep_alive_probes = 0;
  flow.guest_mac = segment.source_mac;
  flow.gateway_mac = segment.destination_mac;
  if (!tcp.has(ack) || !accept_acknowledgment(flow, segment)) return;
  if (!tcp.payload.empty() || tcp.has(fin)) accept_bytes(flow, segment);
}

/// RFC 9293 3.10.7.4 first to fourth, RFC 5961 3 and 4. False: the segment has been dealt with.
bool TcpEngine::Connections::is_in_place(TcpFlow& flow, const GuestSegment& segment) {
  const wire::TcpSegment& tcp = segment.tcp;
  const Sequence sequence{tcp.sequence};
  const bool acceptable = flow.receiver.is_acceptable(sequence, length_of(tcp));
  if (tcp.has(rst)) {
    if (sequence == flow.receiver.next()) {
      ++counters_.resets_from_guest;
      close(flow, HostSide::Closing::reset);
    } else if (acceptable) {
      want_acknowledgment(flow);  // the challenge
    }
    return false;
  }
  if (tcp.has(syn)) {
    input_syn_again(flow, segment);
    return false;
  }
  if (acceptable) return true;
  notice_probe(flow, segment);
  if (length_of(tcp) != 0 || now_ - flow.answered >= kLeastBetweenAnswers) {
    flow.answered = now_;
    want_acknowledgment(flow);
  }
  return false;
}

/// RFC 5961 4. Where both sides have ended, and only the acknowledgment of our end was lost, the port serves anew: RFC
/// 9293 3.6.1.
void TcpEngine::Connections::input_syn_again(TcpFlow& flow, const GuestSegment& segment) {
  const bool same = Sequence{segment.tcp.sequence} == flow.guest_syn;
  if (flow.state == State::syn_received && same) {
    const bool answers = flow.is_inbound && segment.tcp.has(ack) && accept_acknowledgment(flow, segment);
    return answers ? want_acknowledgment(flow) : send_syn_ack(flow);
  }
  const bool all_said = flow.sender.fin_is_sent() && flow.receiver.is_finished() && flow.waiting.empty();
  if (!all_said || same || !segment.tcp.is_initial_syn()) return want_acknowledgment(flow);
  close(flow, HostSide::Closing::orderly);
  open(segment);
}

/// RFC 1122 4.2.3.6: a segment just before what we expect, of one byte or none, asks whether we are there. If the namespace wants
/// to know, the remote's life is what it means.
void TcpEngine::Connections::notice_probe(TcpFlow& flow, const GuestSegment& segment) {
  const wire::TcpSegment& tcp = segment.tcp;
  const bool is_just_before = Sequence{tcp.sequence} + 1 == flow.receiver.next();
  const bool is_probe = is_just_before && tcp.payload.size() <= 1 && !tcp.has(fin);
  if (!is_probe || flow.state != State::established || flow.keep_alive_is_on) return;
  const Duration silence = now_ - flow.heard;
  flow.heard = now_;
  const bool window_is_closed = flow.receiver.is_closed();
  // Within seconds, who asks at a closed window means the window; and a byte may be one that was sent again.
  if (silence < kLeastKeepAlive && (window_is_closed || !tcp.payload.empty())) return;
  flow.keep_alive_is_on = true;
  host_.keep_alive(flow.socket, std::max(silence, kLeastKeepAlive));
}

bool TcpEngine::Connections::accept_acknowledgment(TcpFlow& flow, const GuestSegment& segment) {
  const wire::TcpSegment& tcp = segment.tcp;
  const Sequence number{tcp.acknowledgment};
  const uint32_t window = uint32_t{tcp.window} << (tcp.has(syn) ? 0 : flow.guest_shift);  // RFC 7323 2.2
  if (flow.state == State::syn_received) {
    if (number != flow.sender.max()) {
      reset_unknown(segment);  // RFC 9293 3.10.7.4: <SEQ=SEG.ACK><CTL=RST>
      return false;
    }
    established(flow, window, Sequence{tcp.sequence});
    return true;
  }
  if (!flow.sender.is_plausible(number)) {
    want_acknowledgment(flow);
    return false;
  }
  const auto options = flow.guest_knows_sack && !tcp.options.empty() ? wire::TcpOptions::parse(tcp.options) : wire::TcpOptions();
  const auto progress = flow.sender.acknowledge({.number = number,
                                                 .window_bytes = window,
                                                 .segment = Sequence{tcp.sequence},
                                                 .bare = length_of(tcp) == 0,
                                                 .sack = {options.sack.data(), options.sack_blocks}},
                                                now_);
  if (progress.bytes != 0) flow.retained.acknowledge(flow.sender.una());
  if (progress.may_send) want_run(flow);
  finish_if_done(flow);
  return flow.state == State::established;
}

void TcpEngine::Connections::accept_bytes(TcpFlow& flow, const GuestSegment& segment) {
  const wire::TcpSegment& tcp = segment.tcp;
  const auto fresh = flow.receiver.fresh_part(Sequence{tcp.sequence}, tcp.payload, tcp.has(fin));
  want_acknowledgment(flow);
  if (flow.receiver.is_finished() || (fresh.bytes.empty() && !fresh.fin)) return;
  if (fresh.sequence != flow.receiver.next()) return accept_early(flow, fresh);
  if (!fresh.bytes.empty()) gather(flow, fresh.sequence, fresh.bytes);
  if (flow.state != State::closed && !flow.early.empty()) join_early(flow);
  if (fresh.fin) flow.early_fin = fresh.sequence + static_cast<uint32_t>(fresh.bytes.size());
  if (flow.state != State::closed && flow.early_fin) accept_fin(flow, *flow.early_fin);
}

/// A hole is before it. Told at once, for each one: so the sender learns that it is a loss.
void TcpEngine::Connections::accept_early(TcpFlow& flow, const TcpReceiver::Fresh& fresh) {
  ++counters_.out_of_order;
  if (fresh.fin) flow.early_fin = fresh.sequence + static_cast<uint32_t>(fresh.bytes.size());
  if (!fresh.bytes.empty()) flow.early.add(pool_, fresh.sequence, fresh.bytes);
  send_acknowledgment(flow);
}

/// What was waiting behind the hole follows. Its chunk goes when this returns, so it is not left gathered.
void TcpEngine::Connections::join_early(TcpFlow& flow) {
  flush_gathered(flow);
  while (flow.state != State::closed) {
    const auto part = flow.early.take(flow.receiver.next());
    if (!part) return;
    gather(flow, flow.receiver.next(), wire::Bytes(part->chunk.data() + part->offset, part->bytes));
    flush_gathered(flow);
  }
}

/// Where something before it was not kept after all, it comes again behind that.
void TcpEngine::Connections::accept_fin(TcpFlow& flow, Sequence at) {
  flush_gathered(flow);
  if (flow.state == State::closed) return;
  if (before(at, flow.receiver.next())) flow.early_fin.reset();  // bytes stand there: it was no end
  if (at != flow.receiver.next()) return;
  flow.receiver.take_fin();
  shut_writing_if_done(flow);
  finish_if_done(flow);
}

}  // namespace postern::flow
