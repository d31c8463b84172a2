// fast_path.h - the fast engine between the TAP and the host: what it needs to know of the virtual network, and of who is where.
//
//   TAP ─ filter ─┬ TCP ─► TcpEngine ─────────┐
//                 ├ UDP to port 53 of a DNS address ─► NameService
//                 ├ UDP, echo ─► DatagramPath ─┴► where the address leads ─► socket of the host
//                 └ the rest ─► libslirp
//   TAP ◄── SYN to its MAC ── TcpEngine ◄── how the namespace sees the client ◄── published port
#pragma once

#include <memory>

#include "postern/flow/host_sockets.h"
#include "postern/flow/tcp_engine.h"
#include "postern/relay/frame_filter.h"
#include "postern/relay/witness.h"
#include "postern/stack/slirp_stack.h"

#include "datagram_path.h"
#include "name_service.h"
#include "neighbours.h"
#include "tap_port.h"

namespace postern::relay {

class FastPath final : private flow::GuestSide {
 public:
  struct Config {
    stack::StackConfig network;
    NameSettings names;
    flow::DatagramPolicy datagrams;
    std::array<uint64_t, 2> hash_key;  // a secret
    /// A client of a published UDP port has spoken: DatagramPath's.
    std::function<void(const IpAddress& client, Port client_port, Port guest_port)> client_spoke;
  };
  /// Loop and TAP must outlive it.
  FastPath(loop::EventLoop& loop, TapPort& tap, const Config& config);

  /// What the TAP says of a frame.
  enum class Checksum { right, unknown };
  struct Framing {
    Checksum checksum = Checksum::unknown;
    size_t datagram_bytes = 0;  // of each in a superframe of UDP; 0: it is none
  };
  /// Whose a packet is that the filter let pass. The engine reads its data until end_burst() returns; names, the name
  /// service, does not. bad_checksum, malformed: nobody's.
  enum class Taker { engine, names, stack, bad_checksum, malformed };
  Taker take(const PacketView& packet, const Framing& framing, TimePoint now);
  /// So many of max_flows are somebody else's, and a connection is about to be opened, and goes before a mapping that is idle.
  void make_room_beside(size_t flows);
  /// What a frame that the filter let pass tells of its sender.
  void note_sender(const Verdict& verdict);

  /// `socket` is a connection of `client` that is to lead to `guest`. Who cannot be carried is reset.
  void accept(UniqueFd socket, const stack::Endpoint& client, const stack::Endpoint& guest, TimePoint now);
  bool has_room_for_client(TimePoint now) { return engine_.has_room_for_client(now); }
  /// Ends the connections that came in by the host's end of `forward`.
  void reset_clients(const stack::Forward& forward, TimePoint now);

  void end_burst(TimePoint now, flow::Behind behind = flow::Behind::nothing);
  /// `others`: so many of max_flows are somebody else's.
  void run(TimePoint now, size_t others);
  bool has_work() const { return engine_.has_work() || datagrams_.engine().has_work(); }
  std::optional<TimePoint> next_deadline() const;
  size_t open_flows() const { return engine_.open_flows() + datagrams_.engine().open_flows(); }
  /// There are bytes of the namespace that the host has not taken, or more may come out of the TAP.
  bool owes_host() const;
  /// Adds to `found`, which holds `most` at most.
  void list(stack::Flows& found, size_t most) const;
  /// Nothing: no flow of the engines' has that name.
  std::optional<HostSocket> host_socket(const FlowName& flow) const;
  uint64_t frames_to_guest() const { return frames_to_guest_ + datagrams_.frames_to_guest() + names_.frames_to_guest(); }
  NameServiceState name_service() const { return names_.state(); }
  const flow::TcpEngine::Counters& counters() const { return engine_.counters(); }
  DatagramPath& datagrams() { return datagrams_; }

 private:
  Taker take_datagram(const PacketView& packet, const Framing& framing, TimePoint now);
  void take_queries(const PacketView& packet, const wire::UdpDatagram& udp, size_t segment_bytes, TimePoint now);
  Taker take_tcp(const PacketView& packet, const wire::TcpSegment& tcp, Checksum checksum, TimePoint now);
  void note_icmp(const wire::IpPacket& ip, TimePoint now);
  Mac mac_of(const IpAddress& guest) const;
  void transmit_to_stranger(wire::TcpFrame frame, std::span<const iovec> payload, size_t segment_bytes);
  void ask_for(const IpAddress& guest, const Mac& own);
  void write_small(wire::Bytes frame);
  void transmit(const wire::TcpFrame& frame, std::span<const iovec> payload, size_t segment_bytes) override;
  void transmit_in_segments(wire::TcpFrame frame, std::span<const iovec> payload, size_t segment_bytes);
  void refuse(const Attempt& attempt, flow::Refusal why) override;
  Port reached(const IpAddress& remote, Port port) const;
  std::optional<flow::HostEndpoint> destination(const IpAddress& remote, Port port) const;
  flow::HostSocketsConfig sockets_config();
  DatagramPath::Config datagram_config(const Config& config);

  loop::EventLoop& loop_;
  TapPort& tap_;
  stack::StackConfig config_;
  NameService names_;
  Neighbours neighbours_;
  flow::HostSockets sockets_;
  flow::TcpEngine engine_;
  DatagramPath datagrams_;
  uint64_t frames_to_guest_ = 0;
  uint16_t spare_port_ = 0;             // for a client whose own is taken
  std::unique_ptr<uint8_t[]> segment_;  // for a TAP without vnet header: one frame, put together
};

}  // namespace postern::relay
