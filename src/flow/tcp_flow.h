// tcp_flow.h - all that is known of one connection.
#pragma once

#include "postern/flow/flow_key.h"
#include "postern/flow/tcp_engine.h"

#include "byte_queue.h"
#include "fair_share.h"
#include "linked_list.h"
#include "reassembly.h"
#include "retained.h"
#include "slab.h"
#include "tcp_receiver.h"
#include "tcp_sender.h"
#include "timer_wheel.h"

namespace postern::flow {

/// Of IP and TCP, without options, in bytes.
inline uint32_t headers_of(const FlowKey& key) {
  return static_cast<uint32_t>((key.is_v4() ? wire::IpPacket::kMinHeaderBytes4 : wire::IpPacket::kHeaderBytes6) +
                               wire::TcpSegment::kMinHeaderBytes);
}

/// Where nothing else is known: RFC 9293 3.7.1.
inline uint32_t default_segment_of(const FlowKey& key) { return key.is_v4() ? 536 : 1220; }

/// What a burst has brought for one connection, as a list in Gathering.
struct GatheredList {
  uint8_t first = 0, last = 0, pieces = 0;
};

struct TcpFlow {
  enum class State : uint8_t {
    connecting,    // the host has not answered; the namespace hears nothing yet
    syn_sent,      // a client of a published port waits for the namespace
    syn_received,  // SYN-ACK sent
    established,   // until both directions have ended
    closed,        // socket and bytes are gone; reaped at the end of the turn
  };
  enum class Place : uint8_t { none, fresh, current, backlog };  // in the run queue

  TcpFlow(const FlowKey& k, Sequence initial, uint32_t segment, Sequence guest_initial, uint8_t our_shift)
      : key(k), sender(initial, segment), receiver(guest_initial, our_shift, segment), guest_syn(guest_initial) {}

  bool is_open() const { return state == State::syn_received || state == State::established; }

  FlowKey key;
  Handle handle{};
  int socket = -1;
  State state = State::connecting;
  bool is_inbound = false;
  Mac guest_mac, gateway_mac;  // of its last valid frame: the namespace may put a bridge in between

  TcpSender sender;
  Retained retained;  // sent to the namespace, not acknowledged
  TcpReceiver receiver;
  ByteQueue waiting;  // acknowledged to the namespace, or about to be; the host's socket is full
  Reassembly early;
  std::optional<Sequence> early_fin;  // came before bytes that it stands behind

  Sequence guest_syn;
  uint8_t guest_shift = 0;  // of the windows that the namespace tells
  bool guest_scales = false;
  bool guest_knows_sack = false;

  bool can_read = false, can_write = false;  // until the host's socket says EAGAIN
  bool reads_stop_short = false;             // not for want of more: the end, or an urgent mark, may be right behind
  bool reads_are_large = false;              // the last one brought a good part of a frame: the next one is for several
  bool may_have_failed = false;              // there was an event of an end or an error; it was not asked for yet
  bool was_reset = false;                    // before the namespace had our answer; the socket tells it once
  bool host_failed = false;                  // what can still be read is read, and no more
  bool writing_is_shut = false;
  bool acknowledgment_due = false;
  bool acknowledgment_may_wait = false;  // for the next burst
  bool held = false;                     // it is not granted a further window
  Place place = Place::none;
  uint32_t turn_in_part = 0;  // of the run queue, its number, the last one
  GatheredList gathered;
  Sequence acknowledged{};  // by our last segment
  bool starved = false;     // waits for memory
  bool keep_alive_is_on = false;
  uint8_t keep_alive_probes = 0;

  uint64_t carried_to_guest = 0, carried_to_host = 0;  // each byte once
  TimePoint began;

  FairShare::Taken taken_to_guest, taken_from_guest;
  Links<TcpFlow> run_links, held_links;
  TimePoint held_since;
  uint32_t sent_in_burst = 0;  // its number, the last one
  TimePoint heard;             // from the namespace
  TimePoint starved_at;
  TimePoint answered;  // a segment that was out of place, last
  TimerWheel::Node timer;
};

}  // namespace postern::flow
