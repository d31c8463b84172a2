// datagram_sides.h - what stands on either side of DatagramEngine: the namespace's frames, the host's sockets.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <optional>
#include <span>

#include "postern/flow/flow_key.h"
#include "postern/wire/bytes.h"
#include "postern/wire/icmp_error.h"

namespace postern::flow {

enum class DatagramKind : uint8_t { udp, echo };

/// One end on the host's side, as its sockets name it. The scope is that of a link-local address.
struct HostEndpoint {
  IpAddress address;
  Port port;
  uint32_t scope = 0;
  bool operator==(const HostEndpoint&) const = default;
};

/// Who speaks to whom, as the namespace sees it. Echo: guest_port is its id, remote_port 0.
struct DatagramEnds {
  DatagramKind kind = DatagramKind::udp;
  FlowKey key;
  Mac guest_mac, gateway_mac;
};

/// A datagram that the filter let pass, or several of `segment_bytes` each, the last one shorter (0: one). Echo: `payload` is the
/// whole ICMP message. It must stay where it is until end_burst() returns.
struct GuestDatagram {
  DatagramEnds ends;
  uint8_t hop_limit = 64;
  wire::Bytes payload;
  size_t segment_bytes = 0;
  bool may_open = true;  // a way out; else it is for a client of a published port, or for nobody
};

/// The namespace's side: takes frames. What is not taken is lost.
class DatagramGuest {
 public:
  /// From ends.key.remote to ends.key.guest: datagrams of `segment_bytes`, the last one shorter, in at most 64 pieces. Echo: one
  /// ICMP message in one piece, whose checksum is not made.
  virtual void transmit(const DatagramEnds& ends, std::span<const iovec> payload, size_t segment_bytes) = 0;
  /// `offender`, or the gateway, says of a datagram of `ends.key.guest` why it did not arrive. `quoted` is what is known of its
  /// payload, from the beginning.
  virtual void report(const DatagramEnds& ends, const wire::IcmpError& error, const std::optional<IpAddress>& offender,
                      wire::Bytes quoted) = 0;
  /// `ends.key.remote` has sent to a published port and may be answered, whatever its address stands for inside.
  virtual void expect_answer(const DatagramEnds& ends) = 0;

 protected:
  ~DatagramGuest() = default;
};

/// The host's side: datagram sockets, non-blocking, each by a number of the host side's choice.
class DatagramHost {
 public:
  struct Opening {
    int socket = -1;
    int error = 0;
  };
  /// `token` comes back in host_ready(), edge-triggered, until close(). An echo's socket speaks to `to` alone.
  virtual Opening open(const DatagramEnds& ends, const HostEndpoint& to, uint32_t token) = 0;
  virtual void close(int socket) = 0;
  /// Where the namespace's remote really is: an alias of the virtual network stands for an address of the host. Nothing: nowhere.
  virtual std::optional<HostEndpoint> destination(const IpAddress& remote, Port port) = 0;

  struct Outgoing {
    HostEndpoint to;
    std::span<const iovec> payload;      // of one datagram, or of several of one size
    size_t segment_bytes = 0;            // 0: one
    std::optional<uint8_t> hop_limit;    // nothing: the host's default
    std::optional<IpAddress> from = {};  // of the host's addresses; nothing: the socket's, or the one that routing chooses
  };
  /// How many went, or a negative errno of the first one.
  virtual int send(int socket, std::span<const Outgoing> datagrams) = 0;

  struct Incoming {
    HostEndpoint from;
    wire::MutableBytes payload;        // until the next call; ours to write to
    size_t segment_bytes = 0;          // several datagrams of that size, the last one shorter; 0: one
    std::optional<IpAddress> to = {};  // of the host's addresses, for a socket of a published port
  };
  /// What is there, some of it; `drained`: there was no more.
  struct Batch {
    std::span<const Incoming> datagrams;
    bool drained = true;
  };
  virtual Batch receive(int socket) = 0;

  /// One entry of the socket's error queue, IP_RECVERR of ip(7).
  struct Failure {
    HostEndpoint to;                    // the datagram's
    wire::IcmpError error;              // in the words of the family's ICMP
    std::optional<IpAddress> offender;  // a router, or the host at `to`
    wire::Bytes quoted;                 // of the datagram's payload; until the next call
  };
  /// Nothing: none is left. Errors that no router said are skipped.
  virtual std::optional<Failure> failure(int socket) = 0;
  /// Nothing has come for a while: memory for a burst may go.
  virtual void trim() = 0;

 protected:
  ~DatagramHost() = default;
};

}  // namespace postern::flow
