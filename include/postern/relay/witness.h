// witness.h - somebody who is shown every frame that passes the TAP, and what became of it: the tracer, a capture. Where there is
// none, the relay asks one pointer a frame, and that is all.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <optional>
#include <span>

#include "postern/relay/drop.h"
#include "postern/stack/flow.h"

namespace postern::relay {

/// Who has taken a frame of the namespace's.
enum class Carrier : uint8_t { none, fast, libslirp, dns };

struct Sighting {
  enum class Way : uint8_t { from_guest, to_guest } way = Way::from_guest;
  /// refused: answered with an ICMP error, for `drop`. absorbed: a fragment that waits for others.
  enum class Fate : uint8_t { carried, refused, absorbed, dropped } fate = Fate::carried;
  std::optional<Drop> drop;
  Carrier carrier = Carrier::none;
  /// The host's socket, and to whom it is connected in truth; where the carrier knows one.
  std::optional<stack::Endpoint> local, remote;
  uint32_t segment_bytes = 0;  // of each in a superframe; 0: the frame is one packet
};

class Witness {
 public:
  /// `frame` is an Ethernet frame, in parts, without a vnet header; valid during the call. Of a frame of the namespace's it is
  /// what came out of the TAP.
  virtual void saw(const Sighting& sighting, std::span<const iovec> frame) = 0;
  /// Whether finding out the sockets is worth the system call.
  virtual bool wants_sockets() const = 0;

 protected:
  ~Witness() = default;
};

}  // namespace postern::relay
