// slirp_stack.h - the user-mode TCP/IP stack, libslirp, as one object: frames in, frames out, host sockets in our epoll.
//
//   frame ─► input() ─► libslirp ─► host sockets ─► net            one turn of the relay:
//   frame ◄─ FrameSink ◄─ libslirp ◄─ process()                    prepare() · wait · process() · input()…
//
// process() comes first after a wait, for it sets libslirp's clock: a socket that input() made by a clock that stood still
// through an idle hour would be an hour old at once, and expire before its answer came.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "postern/base/address.h"
#include "postern/base/result.h"
#include "postern/loop/event_loop.h"
#include "postern/stack/address_plan.h"
#include "postern/stack/flow.h"

struct Slirp;

namespace postern::stack {

class SlirpDescriptors;

enum class HostLoopback { closed, gateway };  // gateway: the gateway's address leads to the host's 127.0.0.1 and ::1
enum class Dns { redirected, ordinary };      // redirected: port 53 at +3 and fd00::3 leads to the host's resolver
enum class Protocol { tcp, udp };

/// The gateway's `guest_port` leads to `host_port` of the host's 127.0.0.1 and ::1, TCP, though its loopback is closed.
struct Reach {
  Port host_port;
  Port guest_port;
  bool operator==(const Reach&) const = default;
};

struct StackConfig {
  AddressPlan addresses;
  unsigned mtu_bytes = 1500;  // 68 to 65521
  bool ipv6 = true;
  HostLoopback host_loopback = HostLoopback::closed;
  std::vector<Reach> reach;  // of the fast engine
  Dns dns = Dns::redirected;
  std::optional<Ipv4> outbound4;  // bind every outgoing socket to it
  std::optional<Ipv6> outbound6;
  size_t max_flows = 1024;  // at this many, published TCP ports wait before they accept more
};

/// A host port that leads to a port of the namespace; both addresses of one family.
struct Forward {
  Protocol protocol;
  IpAddress host_address;
  Port host_port;
  IpAddress guest_address;
  Port guest_port;
  auto operator<=>(const Forward&) const = default;

  /// Whether a client who was accepted at `host_end` came in by it.
  bool is_by(const Endpoint& host_end) const;
};

/// Takes the frames that the stack has for the namespace. A frame may be dropped; it must not be kept.
class FrameSink {
 public:
  virtual void frame_to_guest(std::span<const uint8_t> frame) = 0;

 protected:
  ~FrameSink() = default;
};

class SlirpStack {
 public:
  /// The loop and the sink must outlive the stack. One stack a thread (libslirp keeps a global clock).
  static Result<std::unique_ptr<SlirpStack>> create(const StackConfig& config, loop::EventLoop& loop, FrameSink& sink);
  SlirpStack(const SlirpStack&) = delete;
  SlirpStack& operator=(const SlirpStack&) = delete;
  ~SlirpStack();

  /// One Ethernet frame from the namespace, without FCS; complete checksums, no IPv4 fragment.
  void input(std::span<const uint8_t> frame);
  /// Before the wait: puts what libslirp wants to hear of into the loop. Returns how long it can wait; nothing: for ever.
  std::optional<Duration> prepare();
  /// After the wait: serves ready host sockets and libslirp's own timers. Both walk over all of libslirp's sockets, and do
  /// nothing where nothing has happened to it.
  void process();

  /// Listens on the host. Errors: EADDRINUSE, EACCES (a port below ip_unprivileged_port_start), EADDRNOTAVAIL.
  Status add_forward(const Forward& forward);
  Status remove_forward(const Forward& forward);
  /// Host sockets that carry a flow now; listeners not counted.
  size_t open_flows() const;
  /// What they carry, `most` of them at most: a walk over all of libslirp's sockets, with three system calls for each that is
  /// told.
  Flows flows(size_t most) const;

 private:
  SlirpStack(const StackConfig& config, loop::EventLoop& loop, FrameSink& sink);
  friend struct SlirpCallbacks;
  sockaddr_in outbound4_{};  // libslirp keeps pointers to these two
  sockaddr_in6 outbound6_{};
  FrameSink& sink_;
  loop::EventLoop& loop_;
  std::unique_ptr<SlirpDescriptors> descriptors_;
  void serve();
  bool answer_may_be_awaited_ = false;
  bool is_touched_ = true;  // since the last round was prepared
  TimePoint served_at_{};
  std::optional<TimePoint> deadline_;  // of libslirp's own timers
  Slirp* slirp_ = nullptr;             // freed by the destructor, before what its callbacks use
};

/// The version of the library that is loaded, "4.7.0".
std::string slirp_version();

}  // namespace postern::stack
