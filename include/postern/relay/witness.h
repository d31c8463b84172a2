// witness.h - who is shown what passes the TAP: the tracer, what became of each frame; a recorder, the frames as they are. Where
// there is neither, the relay asks one pointer a frame, and that is all.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <optional>
#include <span>

#include "postern/base/clock.h"
#include "postern/flow/flow_key.h"
#include "postern/relay/drop.h"
#include "postern/stack/flow.h"
#include "postern/wire/bytes.h"
#include "postern/wire/ip.h"

namespace postern::relay {

/// Who has taken a frame of the namespace's.
enum class Carrier : uint8_t { none, fast, libslirp, dns };

struct Sighting {
  enum class Way : uint8_t { from_guest, to_guest } way = Way::from_guest;
  /// refused: answered with an ICMP error, for `drop`. absorbed: a fragment that waits for others; the last of them is carried.
  enum class Fate : uint8_t { carried, refused, absorbed, dropped } fate = Fate::carried;
  std::optional<Drop> drop;
  Carrier carrier = Carrier::none;
  TimePoint when{};            // it had come out of the TAP, or was about to be written to it
  uint32_t frame_bytes = 0;    // of all of it
  uint32_t segment_bytes = 0;  // of each in a superframe; 0: the frame is one packet
};

class Witness {
 public:
  /// `start` is what an Ethernet frame begins with, kMostShown bytes at most, without a vnet header; valid during the call. Of a
  /// frame of the namespace's it is what came out of the TAP, and is shown when its fate is known, before what it has called
  /// forth. Of what is written to the TAP only what the TAP took is shown.
  virtual void saw(const Sighting& sighting, wire::Bytes start) = 0;
  static constexpr size_t kMostShown = 192;  // Ethernet, IP with its options, TCP with its options, and some more

 protected:
  ~Witness() = default;
};

class Recorder {
 public:
  /// A whole Ethernet frame, in parts, without a vnet header, at the moment at which it passes; valid during the call. A
  /// superframe is one.
  virtual void passes(std::span<const iovec> frame) = 0;

 protected:
  ~Recorder() = default;
};

/// One flow, as the namespace sees it. Echo: guest_port is its id, remote_port 0.
struct FlowName {
  wire::Protocol protocol = wire::Protocol::tcp;
  flow::FlowKey key;
};

/// By which of the host's sockets a flow is carried, and to whom it leads in truth. Of a ping socket the local port is the id by
/// which the echo is known outside. A socket that is bound to no address has the one that routing gives it towards `remote`.
struct HostSocket {
  stack::Endpoint local, remote;
};

}  // namespace postern::relay
