// following.h - which packets belong to the trace: those that the filter wants, and the answers of their connections, which need
// not fulfil it ("src host 10.0.0.2").
//
//   takes(packet) ── the filter wants it ─────────────────────────► yes, and its connection is remembered, in both directions
//                 └─ it is of a connection that is remembered ────► yes
//
// One for all the sources of a trace that cannot tell a packet from another by its buffer: what one of them has learned of an
// address translation serves the others. Pure, and bounded: whoever makes connections cannot fill our memory.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <utility>

#include "postern/base/address.h"
#include "postern/journey/packet.h"
#include "postern/packet_filter/filter.h"

namespace postern::journey {

class Following {
 public:
  enum class Extent : uint8_t { packet, connection };
  /// Beyond these the one that was seen least recently is forgotten.
  static constexpr size_t kConnections = 16'384;

  Following(packet_filter::Filter filter, Extent extent) : filter_(std::move(filter)), extent_(extent) {}
  Following(const Following&) = delete;
  Following& operator=(const Following&) = delete;

  const packet_filter::Filter& filter() const { return filter_; }
  Extent extent() const { return extent_; }

  /// Whether `packet` belongs to the trace.
  bool takes(const Packet& packet);
  /// `packet` belongs to it, as is known from elsewhere: it was taken before its addresses were translated.
  void learn(const Packet& packet);

 private:
  struct Side {
    IpAddress address;
    uint16_t port = 0;  // of ICMP: the id of its echo, for both sides
    auto operator<=>(const Side&) const = default;
  };
  struct Connection {
    Side lower, higher;  // so that both directions are the same
    uint8_t protocol = 0;
    auto operator<=>(const Connection&) const = default;
  };
  using Ages = std::list<Connection>;  // the youngest first

  static std::optional<Connection> connection_of(const Packet& packet);
  bool remembers(const Connection& connection);
  void remember(const Connection& connection);

  packet_filter::Filter filter_;
  Extent extent_;
  Ages ages_;
  std::map<Connection, Ages::iterator> known_;
};

}  // namespace postern::journey
