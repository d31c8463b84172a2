// relay.h - carries every frame between the namespace's TAP and the engines: one epoll loop, one turn after another.
//
//   namespace               |  our process: host netns
//   app ── kernel ── TAP ═══╪══► FrameFilter ─┬─ TCP, UDP, echo ► flow, the fast engine ◄─► host socket ◄─► net
//                           |      drop, refuse └─ the rest ───► stack, libslirp ────────► host socket ──► net
//                           |  ◄──────────────────────────── frames back
//
// Fairness: a turn serves every host socket that is ready, then at most kFramesPerTurn frames or kBytesPerTurn, then 16 fast
// connections, but none once 256 KiB have come, so that neither direction waits for the other to run dry. Trust: frames are
// hostile; only wire/ and the filter read their bytes.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "postern/flow/datagram_engine.h"
#include "postern/flow/tcp_engine.h"
#include "postern/loop/event_loop.h"
#include "postern/netns/tap.h"
#include "postern/relay/engine.h"
#include "postern/relay/frame_filter.h"
#include "postern/relay/name_service_state.h"
#include "postern/relay/witness.h"
#include "postern/stack/slirp_stack.h"
#include "postern/wire/vnet_header.h"

namespace postern::relay {

class FastPath;
class Pace;
class Sightings;
class Superframe;
class TapPort;

class Relay final : private stack::FrameSink {
 public:
  ~Relay();
  static constexpr int kFramesPerTurn = 64;
  static constexpr size_t kBytesPerTurn = size_t{512} * 1024;

  struct Counters {
    uint64_t frames_from_guest = 0;
    uint64_t frames_to_guest = 0;  // before they are put together
    uint64_t writes_lost = 0;      // the TAP did not take them
  };

  /// What only the fast engine heeds.
  struct Policy {
    NameSettings names;
    flow::DatagramPolicy datagrams;
  };
  /// The loop must outlive the relay. Errors: libslirp's refusal, getrandom's.
  static Result<std::unique_ptr<Relay>> create(loop::EventLoop& loop, const stack::StackConfig& config, Engine engine,
                                               const Policy& policy = {});

  /// From now on frames flow. `tap` may also be a socket that carries a frame a message (SOCK_SEQPACKET), non-blocking.
  /// `tap_gone` is called once, from a turn, when the device was deleted, its namespace has ended, or the socket's other end has.
  Status connect(UniqueFd tap, const netns::TapMode& mode, std::function<void()> tap_gone);
  netns::TapMode tap_mode() const;

  struct Patience {
    Duration silence;  // the host takes nothing
    Duration in_all;
  };
  /// Who else carries bytes out of the namespace: whether there may be more, and how many there were.
  struct Others {
    bool owe = false;
    uint64_t bytes = 0;
  };
  /// No process is left in the namespace, but what they wrote may still be in its kernel, and on any other host it would arrive.
  /// Turns until the host has it all. Of the fast engine, and `others`.
  Status drain(const Patience& patience, const std::function<bool()>& give_up, const std::function<Others()>& others);

  /// For a namespace in which no process is left: it will take the TAP with it, and we need not wait for that.
  void abandon_tap();

  /// Waits, serves what is ready, returns. Works without a TAP too (before connect, after tap_gone): for the loop's other
  /// sources.
  Status turn();

  /// Published TCP ports, with Engine::fast: `socket` is a connection of `client`, non-blocking, that leads to `guest` by the
  /// TAP, where it is seen as it is, or as the gateway if its address means something else inside. If the namespace refuses it,
  /// or there is no room, it is reset.
  void accept_tcp(UniqueFd socket, const stack::Endpoint& client, const stack::Endpoint& guest);
  bool has_room_for_client();
  /// What takes of max_flows, and passes by the relay.
  void count_beside(std::function<size_t()> others) { flows_beside_ = std::move(others); }
  /// Ends what came in by the host's end of `forward`.
  void reset_clients(const stack::Forward& forward);

  stack::SlirpStack& stack() { return *stack_; }
  FrameFilter& filter() { return filter_; }
  Counters counters() const;
  /// Nothing: TCP is libslirp's, and datagrams are.
  const flow::TcpEngine::Counters* engine_counters() const;
  const flow::DatagramEngine::Counters* datagram_counters() const;
  /// Nothing: DNS is libslirp's.
  std::optional<NameServiceState> name_service() const;
  /// A UDP port of the host leads into the namespace from now on. `socket` is bound, and non-blocking. Of the fast engine only.
  /// Errors: no room for it.
  Status publish_udp(UniqueFd socket, const stack::Forward& forward);
  /// Closes it. One that is not there is no error.
  void unpublish_udp(const stack::Forward& forward);
  /// Of both engines.
  size_t open_flows() const;
  /// `most` of them at most.
  stack::Flows flows(size_t most) const;
  /// Who is shown each frame from now on, or nobody. Not from within their own calls.
  void set_witness(Witness* witness);
  void set_recorder(Recorder* recorder);
  /// Nothing: no such flow, or an unknown socket (of libslirp's while it has many, or for DNS). Costs system calls.
  std::optional<HostSocket> host_socket(const FlowName& flow) const;

 private:
  Relay(loop::EventLoop& loop, FrameFilter filter);
  void frame_to_guest(std::span<const uint8_t> frame) override;
  std::optional<Duration> patience();
  size_t others_flows() const;
  void drain_tap();
  bool take(wire::MutableBytes bytes);
  struct Carried;
  bool take_frame(wire::MutableBytes frame, const wire::VnetHeader& vnet);
  bool take_shown(wire::MutableBytes frame, const wire::VnetHeader& vnet);
  Carried carry(wire::MutableBytes frame, const wire::VnetHeader& vnet);
  void change_watchers(const std::function<void(Sightings&)>& change);
  bool stays(const Verdict& verdict, wire::MutableBytes frame);
  void flush();
  void write_tap(std::span<const wire::Bytes> parts);
  void lose_tap();

  loop::EventLoop& loop_;
  FrameFilter filter_;
  stack::AddressPlan addresses_;
  std::unique_ptr<TapPort> tap_;
  std::unique_ptr<stack::SlirpStack> stack_;
  std::function<size_t()> flows_beside_;
  std::unique_ptr<FastPath> fast_;  // with Engine::fast
  loop::EventLoop::Source tap_source_;
  loop::EventLoop::Timer tidy_;  // while the filter holds fragments
  std::function<void()> tap_gone_;
  bool tap_readable_ = false;
  uint64_t frames_from_guest_ = 0, frames_to_guest_ = 0;
  std::unique_ptr<Sightings> sightings_;    // while somebody watches
  std::unique_ptr<Pace> pace_;              // where another processor is there for who is waited for
  std::unique_ptr<Superframe> superframe_;  // what waits to be written at the end of the turn, with TapFraming::vnet
  std::unique_ptr<uint8_t[]> arena_;        // the frames of a burst
};

}  // namespace postern::relay
