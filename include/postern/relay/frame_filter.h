// frame_filter.h - decides for each frame from the namespace whether libslirp may see it.
//
//   TAP ─► FrameFilter::decide ─┬─ pass ─────► libslirp        the frame, maybe mended, or a datagram put together
//           pure: no descriptor,├─ refuse ───► back to the TAP an ICMP error: the program inside knows at once
//           no clock            ├─ absorbed ─► kept            a fragment of a datagram
//                               └─ drop ─────► counted
//
// Why in front of libslirp: it connects to whatever address a frame names, 127.0.0.1 and 0.0.0.0 included, and its own switch
// for the host's loopback looks only at the gateway's alias. Root inside the namespace can write any frame.
#pragma once

#include <bitset>
#include <memory>
#include <vector>

#include "postern/base/clock.h"
#include "postern/relay/drop.h"
#include "postern/relay/engine.h"
#include "postern/relay/packet_view.h"
#include "postern/stack/address_plan.h"
#include "postern/stack/slirp_stack.h"
#include "postern/wire/bytes.h"

namespace postern::relay {

using PortSet = std::bitset<65536>;

struct FilterConfig {
  stack::AddressPlan addresses;
  stack::HostLoopback host_loopback = stack::HostLoopback::closed;  // gateway opens the gateway's two addresses, nothing else
  std::vector<stack::Reach> reach;                                  // and these ports of the gateway
  stack::Dns dns = stack::Dns::redirected;
  bool ipv6 = true;
  size_t max_flows = 1024;
  Engine serves = Engine::libslirp;    // the fast one bounds its flows itself, and takes IPv6 datagrams of any size
  std::array<uint64_t, 2> hash_key{};  // secret and random (getrandom(2)), or a guest could make its flows collide
};

/// What the relay knows and the filter cannot.
struct Moment {
  TimePoint now;
  size_t open_flows = 0;  // stack::SlirpStack::open_flows()
};

struct Verdict {
  enum class Action { pass, refuse, absorbed, drop };
  Action action;
  Drop drop{};                         // refuse, drop: why
  wire::MutableBytes frame;            // pass: whole. refuse: write it to the TAP. Valid until the next decide().
  const PacketView* packet = nullptr;  // pass: what `frame` is; nullptr for ARP
};

class FrameFilter {
 public:
  static constexpr size_t kMaxFrameBytes = 14 + 40 + 65'535;

  explicit FrameFilter(const FilterConfig& config);
  FrameFilter(FrameFilter&&) noexcept;
  ~FrameFilter();

  /// `frame` is one Ethernet frame, and may be rewritten in place. The checksums of transport protocols are not looked at.
  /// Padding is cut off what passes.
  Verdict decide(wire::MutableBytes frame, const Moment& moment);

  /// Forgets datagrams whose time is up; decide() does so too, but only when another fragment comes.
  void expire(TimePoint now);

  /// The UDP ports of the namespace that are published: an answer from one may go to a client on the host, which is shown as the
  /// gateway if it is on the loopback. (libslirp then lets it through only with its own loopback switch open.)
  PortSet& published_udp();
  /// A frame on its way into the namespace. The sender of a datagram to a published port is a client that may be answered.
  void note_to_guest(wire::Bytes frame, TimePoint now);

  /// The same from who knows it: `client` has sent to a published port.
  void expect_answer(const IpAddress& client, Port client_port, Port published, TimePoint now);

  /// From now on the host's own `addresses` and 169.254/16 are refused like its loopback, but for answers to clients of published
  /// ports. Again with others when they change.
  void isolate_host(std::vector<IpAddress> addresses);

  const DropCounters& drops() const;
  /// A frame that passed here and was dropped further on.
  void count(Drop reason);

 private:
  class Rules;
  std::unique_ptr<Rules> rules_;
};

}  // namespace postern::relay
