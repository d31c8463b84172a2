// name_service.h - DNS at +3 and fd00::3 between the TAP and the host: who may ask what is known here, how it is answered in
// `dns`.
#pragma once

#include "postern/dns/dns_relay.h"
#include "postern/dns/host_resolver.h"
#include "postern/dns/server_sockets.h"
#include "postern/flow/host_sockets.h"
#include "postern/relay/name_service_state.h"
#include "postern/relay/packet_view.h"
#include "postern/stack/slirp_stack.h"

#include "tap_port.h"

namespace postern::relay {

class NameService final : private dns::GuestSide {
 public:
  /// Loop and TAP must outlive it.
  NameService(loop::EventLoop& loop, TapPort& tap, const stack::StackConfig& config, const NameSettings& settings);

  /// A query, as serves() says. Of its frame nothing is kept.
  void take(const PacketView& packet, const wire::UdpDatagram& datagram, TimePoint now);
  /// Whether who speaks to there speaks to a nameserver.
  bool serves(const IpAddress& remote, Port port) const;
  /// Where it leads: to the first that connects.
  flow::HostSocketsConfig::Destination nameserver();
  /// One of several has.
  void connected(const flow::HostSocketsConfig::Destination& destination);

  void run(TimePoint now) { relay_.run(now); }
  std::optional<TimePoint> next_deadline() const { return relay_.next_deadline(); }
  size_t open_sockets() const { return relay_.open_sockets(); }
  /// Adds the queries on their way to `found`, which holds `most` at most.
  void list(stack::Flows& found, size_t most, TimePoint now) const;
  /// By which the query of `asker` that is on its way went to the server that was asked last; -1: there is none.
  int socket_of(const stack::Endpoint& asker) const;
  NameServiceState state() const;
  uint64_t frames_to_guest() const { return frames_to_guest_; }

 private:
  void answer(const dns::Asker& asker, wire::Bytes message) override;
  void refuse(const dns::Asker& asker, wire::Bytes query, dns::Refusal why) override;

  loop::EventLoop& loop_;
  TapPort& tap_;
  stack::StackConfig config_;
  dns::HostNames names_;
  mutable dns::HostResolver resolver_;  // the host's file, as it was seen last: whoever asks may look
  dns::ServerSockets sockets_;
  dns::DnsRelay relay_;
  uint32_t next_ip_id_ = 1;
  uint64_t frames_to_guest_ = 0;
};

}  // namespace postern::relay
