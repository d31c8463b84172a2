// peer_table.h - whom a mapping knows: the addresses that it may hear, and the clients that it may answer. Of a fixed size; the
// one that has been silent longest is forgotten first.
//
//   sent to        {namespace's end, real address, port 0} ─► the address that the namespace knows it by
//                  {namespace's end, real address, port}     the same, where two aliases stand for one address
//   came from      {namespace's end, visible address, port} ─► where the client really is, by which socket it came, and which of
//                                                              the host's addresses it has sent to
#pragma once

#include "postern/base/clock.h"
#include "postern/flow/datagram_sides.h"

#include "flow_table.h"
#include "linked_list.h"
#include "slab.h"

namespace postern::flow {

struct Peer {
  explicit Peer(const FlowKey& k) : key(k) {}

  FlowKey key;
  Handle mapping{};                  // a peer of another one is none
  HostEndpoint other;                // sent to: what the namespace calls it; came from: where it is
  std::optional<IpAddress> reached;  // came from: the answer leaves from there
  Handle handle{};
  TimePoint heard;
  Links<Peer> age_links;
  uint64_t carried_to_guest = 0, carried_to_host = 0;  // came from: bytes
  TimePoint began;
};

class PeerTable {
 public:
  PeerTable(size_t most, const std::array<uint64_t, 2>& hash_key)
      : most_(most), peers_(static_cast<uint32_t>(most)), table_(hash_key) {}

  Peer* find(const FlowKey& key);
  /// nullptr: it is gone.
  Peer* get(Handle handle) { return peers_.get(handle); }
  /// The one that is there, or a new one in the place of the one that has been silent longest.
  Peer& remember(const FlowKey& key, TimePoint now);
  void touch(Peer& peer, TimePoint now);
  /// Forgets those that have been silent since before `then`.
  void expire(TimePoint then);
  size_t size() const { return table_.size(); }
  const Peer* oldest() const { return by_age_.first(); }

  template <class Visit>
  void for_each(Visit&& visit) {
    for (Peer* peer = by_age_.first(); peer; peer = by_age_.behind(*peer)) visit(*peer);
  }

 private:
  void forget(Peer& peer);

  size_t most_;
  Slab<Peer> peers_;
  FlowTable table_;
  LinkedList<Peer, &Peer::age_links> by_age_;  // who was heard of longest ago comes first, and ends first
};

}  // namespace postern::flow
