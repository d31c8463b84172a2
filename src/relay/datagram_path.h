// datagram_path.h - the datagram engine between the TAP and the host: which packets are its, and what its words become as frames.
//
//   TAP ─ filter ─ UDP but DHCP, echo but to us ─► DatagramEngine ─► where the address leads ─► socket of the host
#pragma once

#include <functional>
#include <map>

#include "postern/flow/datagram_sockets.h"
#include "postern/relay/frame_filter.h"
#include "postern/stack/flow.h"
#include "postern/stack/slirp_stack.h"

#include "datagram_writer.h"

namespace postern::relay {

class DatagramPath final : private flow::DatagramGuest {
 public:
  struct Config {
    stack::StackConfig network;
    flow::DatagramPolicy policy;
    std::array<uint64_t, 2> hash_key;  // a secret
    std::function<std::optional<flow::HostEndpoint>(const IpAddress& remote, Port port)> destination;
    /// The namespace's address on the link that `guest` is known by; all zero: nobody has heard of it.
    std::function<Mac(const IpAddress& guest)> mac_of;
    /// A client of a published port has spoken, and is to be answered whatever its address stands for.
    std::function<void(const IpAddress& client, Port client_port, Port guest_port)> client_spoke;
  };
  /// Loop and TAP must outlive it.
  DatagramPath(loop::EventLoop& loop, TapPort& tap, Config config);

  /// DHCP, and what is said to libslirp's own addresses, is libslirp's.
  static bool carries(const PacketView& packet);
  /// `packet` is such a one, and its checksum right; datagrams of `segment_bytes` where that is not 0. It is read until
  /// end_burst() returns.
  void take(const PacketView& packet, size_t segment_bytes, TimePoint now);

  /// Errors: the epoll set has no room, or the engine.
  Status publish(UniqueFd socket, const stack::Forward& forward);
  void unpublish(const stack::Forward& forward);
  bool publishes(Port guest_port) const { return published_at_.contains(guest_port); }

  flow::DatagramEngine& engine() { return engine_; }
  const flow::DatagramEngine& engine() const { return engine_; }
  uint64_t frames_to_guest() const { return writer_.frames(); }
  /// Adds to `found`, which holds `most` at most.
  void list(stack::Flows& found, size_t most) const;

 private:
  void transmit(const flow::DatagramEnds& ends, std::span<const iovec> payload, size_t segment_bytes) override;
  void report(const flow::DatagramEnds& ends, const wire::IcmpError& error, const std::optional<IpAddress>& offender,
              wire::Bytes quoted) override;
  void expect_answer(const flow::DatagramEnds& ends) override;
  flow::DatagramSocketsConfig sockets_config();
  flow::DatagramConfig engine_config() const;
  DatagramWriter::Packet towards_guest(const flow::DatagramEnds& ends) const;

  Mac mac_towards(const flow::DatagramEnds& ends) const;

  class Quoted;

  loop::EventLoop& loop_;
  Config config_;
  DatagramWriter writer_;
  flow::DatagramSockets sockets_;
  flow::DatagramEngine engine_;
  std::map<stack::Forward, uint32_t> published_;  // and the engine's tokens
  std::map<Port, size_t> published_at_;           // how many lead to a port inside
};

}  // namespace postern::relay
