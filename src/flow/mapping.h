// mapping.h - all that is known of one socket for datagrams.
#pragma once

#include "postern/flow/datagram_sides.h"

#include "linked_list.h"
#include "slab.h"

namespace postern::flow {

struct Mapping {
  /// How long it may be idle.
  enum class Life : uint8_t {
    fresh,   // nobody has answered
    stream,  // somebody has
    dns,     // it has spoken to port 53 alone
    echo,
    published,  // it does not end by itself
    closed,     // its socket is gone; reaped at the end of the turn
  };

  Mapping(const FlowKey& k, const DatagramEnds& e) : key(k), ends(e) {}

  bool is_udp() const { return ends.kind == DatagramKind::udp; }

  FlowKey key;        // UDP: without a remote
  DatagramEnds ends;  // UDP: the remote spoken to last. The MACs are those of the last frame: there may be a bridge inside
  Handle handle{};
  int socket = -1;
  Life life = Life::fresh;
  bool is_way_out = false;                // published: the namespace's datagrams may leave by it
  bool in_table = false;                  // they do
  bool has_aliases = false;               // among those that it speaks to
  uint16_t most_in_segment = UINT16_MAX;  // larger ones the host does not take several of in one piece
  bool can_read = false, may_have_failed = false, in_run_queue = false;
  Handle last_peer{};      // spoken to or heard last
  HostEndpoint last_to{};  // echo: the only one
  TimePoint heard;
  Links<Mapping> age_links, run_links;
  uint64_t carried_to_guest = 0, carried_to_host = 0;  // bytes
  TimePoint began;

  // What waits for the end of the burst, by number; 0: none.
  uint8_t first_waiting = 0, last_waiting = 0;
};

}  // namespace postern::flow
