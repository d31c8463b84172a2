#include "peer_table.h"

namespace postern::flow {

Peer* PeerTable::find(const FlowKey& key) {
  const auto index = table_.find(key, [this](uint32_t i) -> const FlowKey& { return peers_.at(i).key; });
  return index ? &peers_.at(*index) : nullptr;
}

Peer& PeerTable::remember(const FlowKey& key, TimePoint now) {
  if (Peer* known = find(key)) {
    touch(*known, now);
    return *known;
  }
  if (table_.size() == most_) forget(*by_age_.first());
  Peer& peer = *peers_.emplace(key);
  peer.handle = peers_.handle_of(peer);
  peer.heard = now;
  table_.insert(key, peer.handle.index);
  by_age_.append(peer);
  return peer;
}

void PeerTable::touch(Peer& peer, TimePoint now) {
  if (peer.heard == now) return;
  peer.heard = now;
  by_age_.remove(peer);
  by_age_.append(peer);
}

void PeerTable::expire(TimePoint then) {
  while (by_age_.first() && by_age_.first()->heard < then) forget(*by_age_.first());
}

void PeerTable::forget(Peer& peer) {
  by_age_.remove(peer);
  table_.erase(peer.key, peer.handle.index);
  peers_.erase(peer.handle);
}

}  // namespace postern::flow
