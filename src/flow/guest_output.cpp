// guest_output.cpp - segments to the namespace. One that the TAP does not take is lost, as on any link, and sent again.
#include "connections.h"

namespace postern::flow {

namespace {

using namespace wire::tcp_flag;

constexpr size_t kMostPieces = 32;  // of what is retained, in one frame

}  // namespace

/// As many whole segments as one IP packet may hold.
size_t TcpEngine::Connections::most_in_a_frame(const TcpFlow& flow) const {
  const size_t headers = headers_of(flow.key);
  const size_t segment = flow.sender.segment_bytes();
  return (wire::IpPacket::kMaxBytes - headers) / segment * segment;
}

void TcpEngine::Connections::transmit(TcpFlow& flow, Sequence sequence, uint8_t flags, std::span<const iovec> payload,
                                      wire::Bytes options) {
  flush_gathered(flow);  // or we would acknowledge what may have to be given back
  if (flow.state == State::closed) return;
  const bool first = (flags & syn) != 0;
  const wire::TcpFrame frame{
      .destination_mac = flow.guest_mac,
      .source_mac = flow.gateway_mac,
      .source = flow.key.remote,
      .destination = flow.key.guest,
      .source_port = flow.key.remote_port,
      .destination_port = flow.key.guest_port,
      .sequence = sequence.number,
      .acknowledgment = (flags & ack) != 0 ? flow.receiver.next().number : 0,
      .flags = flags,
      .window = first ? flow.receiver.announce_unscaled() : flow.receiver.announce(flow.waiting.size()),
      .options = options,
      .ip_id = next_ip_id_++,
  };
  flow.acknowledgment_due = flow.acknowledgment_may_wait = false;
  flow.acknowledged = flow.receiver.next();
  guest_.transmit(frame, payload, flow.sender.segment_bytes());
}

void TcpEngine::Connections::send_syn(TcpFlow& flow) {
  const wire::TcpOptions offered{
      .mss = static_cast<uint16_t>(segment_limit(flow.key)), .window_scale = TcpReceiver::kWindowShift, .sack_permitted = true};
  std::array<uint8_t, wire::kMaxTcpOptionBytes> room{};
  const size_t bytes = wire::store_syn_options(room, offered);
  flow.sender.syn_sent(now_);
  transmit(flow, flow.sender.una(), syn, {}, wire::Bytes(room).first(bytes));
}

void TcpEngine::Connections::send_syn_ack(TcpFlow& flow) {
  wire::TcpOptions offered;
  offered.mss = static_cast<uint16_t>(segment_limit(flow.key));
  if (flow.guest_scales) offered.window_scale = TcpReceiver::kWindowShift;
  offered.sack_permitted = flow.guest_knows_sack;
  std::array<uint8_t, wire::kMaxTcpOptionBytes> room{};
  const size_t bytes = wire::store_syn_options(room, offered);
  flow.sender.syn_sent(now_);
  transmit(flow, flow.sender.una(), syn | ack, {}, wire::Bytes(room).first(bytes));
}

void TcpEngine::Connections::send_acknowledgment(TcpFlow& flow) {
  flush_gathered(flow);
  std::array<uint8_t, wire::kMaxTcpOptionBytes> room{};
  size_t bytes = 0;
  if (!flow.early.empty() && flow.guest_knows_sack) {
    std::array<wire::TcpOptions::Block, 4> blocks{};
    bytes = wire::store_sack(room, std::span(blocks).first(flow.early.blocks(blocks)));
  }
  transmit(flow, flow.sender.bare(), ack, {}, wire::Bytes(room).first(bytes));
}

/// At the number that the namespace expects, if nothing was lost; if something was, it asks, and is answered by reset_unknown().
void TcpEngine::Connections::send_reset(TcpFlow& flow) {
  ++counters_.resets_to_guest;
  const bool has_heard = flow.state != State::syn_sent;
  transmit(flow, flow.sender.bare(), has_heard ? rst | ack : rst, {});
}

/// Empty, and one before what it expects, so that it answers, RFC 1122 4.2.3.6.
void TcpEngine::Connections::send_probe(TcpFlow& flow) { transmit(flow, flow.sender.una() - 1, ack, {}); }

void TcpEngine::Connections::send_stretch(TcpFlow& flow, const TcpSender::Stretch& stretch) {
  Sequence begin = stretch.begin;
  size_t left = stretch.bytes;
  do {
    std::array<iovec, kMostPieces> pieces{};
    const auto gathered = flow.retained.gather(begin, left, pieces);
    left -= gathered.bytes;
    const uint8_t flags = ack | (left == 0 ? psh : 0) | (left == 0 && stretch.fin ? fin : 0);
    transmit(flow, begin, flags, std::span(pieces).first(gathered.parts));
    begin = begin + static_cast<uint32_t>(gathered.bytes);
  } while (left != 0 && flow.state != State::closed);  // transmit() may find the host's socket dead
}

void TcpEngine::Connections::send_again(TcpFlow& flow) {
  while (flow.state == State::established) {
    const auto stretch = flow.sender.next_again(static_cast<uint32_t>(most_in_a_frame(flow)), now_);
    if (!stretch) return;
    if (stretch->bytes != 0) ++counters_.sent_again;
    send_stretch(flow, *stretch);
  }
}

/// RFC 9293 3.10.7.1: a segment to a connection that does not exist.
void TcpEngine::Connections::reset_unknown(const GuestSegment& segment) {
  const wire::TcpSegment& tcp = segment.tcp;
  const size_t length = tcp.payload.size() + tcp.has(syn) + tcp.has(fin);
  ++counters_.resets_to_guest;
  const wire::TcpFrame frame{
      .destination_mac = segment.source_mac,
      .source_mac = segment.destination_mac,
      .source = segment.key.remote,
      .destination = segment.key.guest,
      .source_port = segment.key.remote_port,
      .destination_port = segment.key.guest_port,
      .sequence = tcp.has(ack) ? tcp.acknowledgment : 0,
      .acknowledgment = tcp.has(ack) ? 0 : tcp.sequence + static_cast<uint32_t>(length),
      .flags = static_cast<uint8_t>(tcp.has(ack) ? rst : rst | ack),
      .window = 0,
      .options = {},
      .ip_id = next_ip_id_++,
  };
  guest_.transmit(frame, {}, 1);
}

}  // namespace postern::flow
