// host_datagrams.cpp - what the host's sockets bring: datagrams of those who may send, and errors of those that were sent.
#include "postern/wire/udp_superframe.h"

#include "mappings.h"

namespace postern::flow {

namespace {

constexpr int kMostFailures = 64;  // of one socket in a turn

size_t count_of(const DatagramHost::Incoming& datagram) {
  if (datagram.segment_bytes == 0) return 1;
  return (datagram.payload.size() + datagram.segment_bytes - 1) / datagram.segment_bytes;
}

}  // namespace

void DatagramEngine::Mappings::serve(Mapping& mapping) {
  if (mapping.may_have_failed) drain_failures(mapping);
  if (!mapping.can_read) return;
  const DatagramHost::Batch batch = host_.receive(mapping.socket);
  mapping.can_read = !batch.drained;
  deliver(mapping, batch.datagrams);
}

void DatagramEngine::Mappings::deliver(Mapping& mapping, std::span<const DatagramHost::Incoming> datagrams) {
  const DatagramHost::Incoming* before = nullptr;
  std::optional<Visible> visible;
  for (const DatagramHost::Incoming& datagram : datagrams) {
    pulled_bytes_ += datagram.payload.size() + 1;  // an empty one is work too
    if (!before || before->from != datagram.from || before->to != datagram.to)
      visible = mapping.is_udp() ? admit(mapping, datagram) : name_of(mapping, datagram.from);
    before = &datagram;
    if (!visible) {
      counters_.filtered += count_of(datagram);
      continue;
    }
    counters_.bytes_to_guest += datagram.payload.size();
    mapping.carried_to_guest += datagram.payload.size();
    if (visible->client) visible->client->carried_to_guest += datagram.payload.size();
    if (mapping.is_udp()) {
      gather(mapping, *visible, datagram);
    } else {
      deliver_echo(mapping, datagram);
    }
  }
  flush_gathered();
}

void DatagramEngine::Mappings::gather(Mapping& mapping, const Visible& from, const DatagramHost::Incoming& datagram) {
  heard(mapping, mapping.life == Life::fresh ? Life::stream : mapping.life);
  counters_.to_guest += count_of(datagram);
  Gathered& now = gathered_;
  if (!continues(mapping, from, datagram)) {
    flush_gathered();
    now.ends = mapping.ends;
    now.ends.key.remote = from.address;
    now.ends.key.remote_port = from.port;
    now.segment_bytes = datagram.segment_bytes != 0 ? datagram.segment_bytes : datagram.payload.size();
    if (mapping.life == Life::published) guest_.expect_answer(now.ends);
  }
  now.pieces[now.count++] = {datagram.payload.data(), datagram.payload.size()};
  now.bytes += datagram.payload.size();
  now.segments += count_of(datagram);
  now.is_complete = now.segment_bytes == 0 || datagram.payload.size() % now.segment_bytes != 0;
}

bool DatagramEngine::Mappings::continues(const Mapping& mapping, const Visible& from,
                                         const DatagramHost::Incoming& datagram) const {
  const Gathered& now = gathered_;
  if (now.count == 0 || now.count == now.pieces.size() || now.is_complete) return false;
  if (now.ends.key.guest != mapping.key.guest || now.ends.key.guest_port != mapping.key.guest_port) return false;
  if (now.ends.key.remote != from.address || now.ends.key.remote_port != from.port) return false;
  const size_t size = datagram.segment_bytes != 0 ? datagram.segment_bytes : datagram.payload.size();
  const bool fits = datagram.segment_bytes != 0 ? size == now.segment_bytes : size <= now.segment_bytes;
  if (!fits || datagram.payload.empty()) return false;
  return now.bytes + datagram.payload.size() <= wire::kMaxUdpSuperframeData &&
         now.segments + count_of(datagram) <= wire::kMaxUdpSegments;
}

void DatagramEngine::Mappings::flush_gathered() {
  Gathered& now = gathered_;
  if (now.count == 0) return;
  guest_.transmit(now.ends, std::span(now.pieces).first(now.count), now.segment_bytes);
  now.count = now.bytes = now.segments = 0;
}

/// The host's socket has an id of its own.
void DatagramEngine::Mappings::deliver_echo(Mapping& mapping, const DatagramHost::Incoming& reply) {
  constexpr size_t kId = 4, kHeaderBytes = 8;  // RFC 792, RFC 4443 4.2
  constexpr uint8_t kReply4 = 0, kReply6 = 129;
  if (reply.payload.size() < kHeaderBytes || reply.payload[0] != (mapping.key.is_v4() ? kReply4 : kReply6)) return;
  wire::store16(reply.payload, kId, mapping.key.guest_port.number);
  heard(mapping, Life::echo);
  ++counters_.to_guest;
  const iovec message{reply.payload.data(), reply.payload.size()};
  guest_.transmit(mapping.ends, {&message, 1}, message.iov_len);
}

void DatagramEngine::Mappings::drain_failures(Mapping& mapping) {
  for (int told = 0; told < kMostFailures; ++told) {
    const auto failure = host_.failure(mapping.socket);
    mapping.may_have_failed = failure.has_value();
    if (!failure) return;
    report(mapping, *failure);
  }
}

void DatagramEngine::Mappings::report(const Mapping& mapping, const DatagramHost::Failure& failure) {
  const auto to = name_of(mapping, failure.to);
  if (!to) return;
  DatagramEnds ends = mapping.ends;
  ends.key.remote = to->address;
  ends.key.remote_port = to->port;
  std::optional<IpAddress> offender = failure.offender;
  if (offender == failure.to.address) offender = to->address;
  if (offender && *offender != to->address && config_.stand_in(*offender, ends.key.guest)) offender.reset();
  if (offender && offender->index() != ends.key.guest.index()) offender.reset();
  ++counters_.reports_to_guest;
  guest_.report(ends, failure.error, offender, failure.quoted);
}

}  // namespace postern::flow
