// guest_datagrams.cpp - what the namespace sends: gathered while its burst lasts, then given to the host a socket at a time.
//
//   datagrams of one socket   [ a a a ][ b ][ a a ]      neighbours to one remote and of one size go as one, UDP_SEGMENT of
//   udp(7): become messages            └── 1 ─┘  2   └ 3 ┘       the host's stack is walked through once for all of them
#include <algorithm>
#include <cerrno>

#include "postern/wire/udp_superframe.h"

#include "datagram_errors.h"
#include "mappings.h"

namespace postern::flow {

namespace {

constexpr uint8_t kUsualHopLimit = 64;  // with which the host's own sockets send; a router would make it 63, and nobody sees that
constexpr Port kDnsPort{53};

size_t bytes_of(std::span<const iovec> pieces) {
  size_t bytes = 0;
  for (const iovec& piece : pieces) bytes += piece.iov_len;
  return bytes;
}

size_t count_of(const DatagramHost::Outgoing& datagram) {
  if (datagram.segment_bytes == 0) return 1;
  return (bytes_of(datagram.payload) + datagram.segment_bytes - 1) / datagram.segment_bytes;
}

}  // namespace

void DatagramEngine::Mappings::input(const GuestDatagram& datagram) {
  if (answer_client(datagram)) return;
  if (!datagram.may_open) {
    ++counters_.filtered;
    return;
  }
  const FlowKey& key = datagram.ends.key;
  const auto to = host_.destination(key.remote, key.remote_port);
  if (!to) return could_not_open(datagram.ends, ENETUNREACH);
  Mapping* mapping = find(datagram.ends);
  if (!mapping) mapping = open(datagram.ends, *to);
  if (!mapping) return;
  if (mapping->is_udp()) allow(*mapping, *to, key);
  speak(*mapping, {*to, std::nullopt}, datagram);
}

/// Who has come in by a published port hears the answer from that port.
bool DatagramEngine::Mappings::answer_client(const GuestDatagram& datagram) {
  if (clients_.size() == 0 || datagram.ends.kind != DatagramKind::udp) return false;
  Peer* client = clients_.get(last_client_);
  if (!client || client->key != datagram.ends.key) client = clients_.find(datagram.ends.key);
  if (!client) return false;
  Mapping* const mapping = mappings_.get(client->mapping);
  if (!mapping || mapping->life != Life::published) return false;
  last_client_ = client->handle;
  client->carried_to_host += datagram.payload.size();
  clients_.touch(*client, now_);
  speak(*mapping, {client->other, client->reached}, datagram);
  return true;
}

void DatagramEngine::Mappings::speak(Mapping& mapping, const Way& way, const GuestDatagram& datagram) {
  mapping.ends = datagram.ends;
  const bool is_query = datagram.ends.key.remote_port == kDnsPort;
  const Life life = mapping.life == Life::dns && !is_query ? Life::fresh : mapping.life;
  heard(mapping, life);
  queue(mapping, way, datagram);
}

void DatagramEngine::Mappings::queue(Mapping& mapping, const Way& way, const GuestDatagram& datagram) {
  if (waiting_count_ == kMostWaiting) end_burst();
  const uint8_t number = ++waiting_count_;
  const bool is_usual = datagram.hop_limit == kUsualHopLimit;
  waiting_[number] = {
      .way = way,
      .payload = datagram.payload,
      .segment_bytes = datagram.payload.size() > datagram.segment_bytes ? datagram.segment_bytes : 0,
      .hop_limit = is_usual ? std::nullopt : std::optional(static_cast<uint8_t>(std::max(datagram.hop_limit, uint8_t{2}) - 1)),
      .next = 0};
  if (mapping.first_waiting == 0) {
    mapping.first_waiting = number;
    senders_[sender_count_++] = &mapping;
  } else {
    waiting_[mapping.last_waiting].next = number;
  }
  mapping.last_waiting = number;
}

void DatagramEngine::Mappings::end_burst() {
  for (size_t i = 0; i < sender_count_; ++i) {
    if (senders_[i]->first_waiting != 0) send_waiting(*senders_[i]);
  }
  sender_count_ = 0;
  waiting_count_ = 0;
}

void DatagramEngine::Mappings::send_waiting(Mapping& mapping) {
  std::array<iovec, kMostWaiting> pieces;
  std::array<DatagramHost::Outgoing, kMostWaiting> datagrams;
  size_t piece_count = 0, count = 0;
  for (uint8_t number = std::exchange(mapping.first_waiting, uint8_t{0}); number != 0; number = waiting_[number].next) {
    const Waiting& next = waiting_[number];
    pieces[piece_count] = {const_cast<uint8_t*>(next.payload.data()), next.payload.size()};
    if (count != 0 && joins(mapping, datagrams[count - 1], next)) {
      DatagramHost::Outgoing& last = datagrams[count - 1];
      last.segment_bytes = last.payload.front().iov_len;
      last.payload = {last.payload.data(), last.payload.size() + 1};
    } else {
      datagrams[count++] = {next.way.to, {&pieces[piece_count], 1}, next.segment_bytes, next.hop_limit, next.way.from};
    }
    ++piece_count;
  }
  give(mapping, std::span(datagrams).first(count));
}

/// All in a message are of one size, but that the last may be shorter.
bool DatagramEngine::Mappings::joins(const Mapping& mapping, const DatagramHost::Outgoing& last, const Waiting& next) const {
  const bool was_several = last.payload.size() == 1 && last.segment_bytes != 0;  // a superframe: its end is not looked for
  const size_t first_bytes = last.payload.front().iov_len, bytes = next.payload.size();
  if (!mapping.is_udp() || was_several || next.segment_bytes != 0 || bytes == 0 || bytes > first_bytes) return false;
  if (first_bytes > mapping.most_in_segment || last.payload.size() == wire::kMaxUdpSegments) return false;
  if (last.payload.back().iov_len != first_bytes || last.to != next.way.to || last.from != next.way.from ||
      last.hop_limit != next.hop_limit)
    return false;
  return last.payload.size() * first_bytes + bytes <= wire::kMaxUdpSuperframeData;
}

void DatagramEngine::Mappings::give(Mapping& mapping, std::span<const DatagramHost::Outgoing> datagrams) {
  bool heard_of_earlier = false;  // an earlier datagram's error is told by the next call, and the next datagram not taken
  while (!datagrams.empty()) {
    const DatagramHost::Outgoing& first = datagrams.front();
    const bool is_too_large = first.segment_bytes > mapping.most_in_segment;
    const int sent = is_too_large ? -EMSGSIZE : host_.send(mapping.socket, datagrams);
    if (sent > 0) {
      for (const auto& one : datagrams.first(static_cast<size_t>(sent))) {
        counters_.to_host += count_of(one);
        const size_t bytes = bytes_of(one.payload);
        counters_.bytes_to_host += bytes;
        mapping.carried_to_host += bytes;
      }
      datagrams = datagrams.subspan(static_cast<size_t>(sent));
      heard_of_earlier = false;
      continue;
    }
    if (sent == -EAGAIN) {  // its buffer is full, and will be for the others
      for (const auto& one : datagrams) counters_.lost += count_of(one);
      return;
    }
    if (is_of_segmentation(-sent) && first.segment_bytes != 0) {
      const uint64_t before = counters_.to_host;
      give_apart(mapping, first);
      const size_t most = sent == -EIO ? 0 : std::min<size_t>(mapping.most_in_segment, first.segment_bytes - 1);
      if (counters_.to_host != before) mapping.most_in_segment = static_cast<uint16_t>(most);  // it was for their size
    } else if (is_of_earlier(-sent) && !heard_of_earlier) {
      drain_failures(mapping);
      heard_of_earlier = true;
      continue;
    } else {
      could_not_send(mapping, first, -sent);
    }
    datagrams = datagrams.subspan(1);
    heard_of_earlier = false;
  }
}

/// The host cannot cut them: the route's MTU is smaller than one of them, or its device does not sum.
void DatagramEngine::Mappings::give_apart(Mapping& mapping, const DatagramHost::Outgoing& several) {
  constexpr size_t kAtOnce = 32;
  std::array<iovec, kAtOnce> pieces;
  std::array<DatagramHost::Outgoing, kAtOnce> datagrams;
  size_t count = 0;
  const auto flush = [&] { give(mapping, std::span(datagrams).first(std::exchange(count, 0))); };
  for (const iovec& piece : several.payload) {
    for (size_t at = 0; at < piece.iov_len; at += several.segment_bytes) {
      pieces[count] = {static_cast<uint8_t*>(piece.iov_base) + at, std::min(several.segment_bytes, piece.iov_len - at)};
      datagrams[count] = {several.to, {&pieces[count], 1}, 0, several.hop_limit, several.from};
      if (++count == kAtOnce) flush();
    }
  }
  flush();
}

void DatagramEngine::Mappings::could_not_send(Mapping& mapping, const DatagramHost::Outgoing& datagram, int error) {
  counters_.lost += count_of(datagram);
  const auto to = name_of(mapping, datagram.to);
  const auto why = error_of(error, mapping.key.is_v4());
  if (!to || !why) return;
  DatagramEnds ends = mapping.ends;
  ends.key.remote = to->address;
  ends.key.remote_port = to->port;
  const iovec& first = datagram.payload.front();
  ++counters_.reports_to_guest;
  guest_.report(ends, *why, std::nullopt, {static_cast<const uint8_t*>(first.iov_base), first.iov_len});
}

void DatagramEngine::Mappings::could_not_open(const DatagramEnds& ends, int error) {
  const auto why = error_of(error, ends.key.is_v4());
  ++counters_.lost;
  if (!why || (ends.kind == DatagramKind::echo && error == EACCES)) return;  // ping sockets are not for us here: that was said
  ++counters_.reports_to_guest;
  guest_.report(ends, *why, std::nullopt, {});
}

}  // namespace postern::flow
