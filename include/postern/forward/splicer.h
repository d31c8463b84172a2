// splicer.h - published connections that never see the TAP: the client's socket and one inside, and bytes moved between them.
//
//   client ══ socket of the host ══ copy, splice ══ socket inside ══ server
//
// For clients on the host's loopback, whose address would mean nothing inside anyway: two TCPs of the kernel's, where
// the TAP's way has a TCP of ours in between. An end is passed on as an end, a reset as a reset, a refusal as a reset.
//
// "Inside" is what its SocketSource makes of it: the namespace of a relay, or the host's own, which reaches the containers of
// its bridges (loopback_proxy.h).
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "postern/forward/inside_sockets.h"
#include "postern/stack/flow.h"
#include "postern/stack/slirp_stack.h"
#include "postern/wire/bytes.h"

namespace postern::forward {

class PipePool;

class Splicer {
 public:
  static constexpr size_t kMostPipes = 32;
  /// Beside two a connection: sockets inside that are ready, and pipes.
  static constexpr size_t kMostOwnDescriptors = InsideSockets::kMostKept + 2 * kMostPipes;
  static constexpr Duration kPatience = std::chrono::seconds(1);  // of clients, with the helper

  struct Counters {
    uint64_t opened = 0;
    uint64_t refused = 0;  // of them, by the namespace
    uint64_t bytes_to_guest = 0, bytes_to_client = 0;
  };
  /// A client, before anything was said.
  struct Client {
    UniqueFd socket;
    stack::Endpoint address;
    stack::Forward forward;
  };

  /// `otherwise` takes a client that cannot be carried: the source has ended or is silent, there is no socket to be had, or no
  /// port left to connect from. The loop must outlive this.
  Splicer(loop::EventLoop& loop, std::unique_ptr<SocketSource> inside, std::function<void(Client)> otherwise);
  /// With sockets of `target`: starts their helper, so before the sandbox.
  static Result<std::unique_ptr<Splicer>> create(loop::EventLoop& loop, const netns::NamespaceHandle& target,
                                                 std::function<void(Client)> otherwise);
  /// Who has not heard his other side's end hears a reset.
  ~Splicer();

  bool can_carry() const { return !inside_->has_ended(); }
  /// Connects it to `guest`, an address of the namespace.
  void carry(Client client, const stack::Endpoint& guest);

  size_t open_connections() const { return open_; }
  /// More may come out of the namespace for a client; with how much came so far, to see whether anything moves.
  bool owes_clients() const;
  const Counters& counters() const { return counters_; }
  /// Adds to `found`, which holds `most` at most.
  void list(stack::Flows& found, size_t most) const;
  /// Ends, with a reset on both sides, what came in by the host's address and port of `forward`.
  void reset(const stack::Forward& forward);

 private:
  struct Connection;
  void serve_waiting();
  void lose_patience();
  void connect(uint32_t slot);
  void go_otherwise(uint32_t slot);
  void on_event(uint32_t packed, uint32_t events);
  void look_at_attempt(uint32_t slot);
  void refuse(uint32_t slot);
  void pump(uint32_t slot);
  void run_queue();
  void end(uint32_t slot, bool with_reset);
  Connection* find(uint32_t slot) const { return slot < slots_.size() ? slots_[slot].get() : nullptr; }

  loop::EventLoop& loop_;
  std::function<void(Client)> otherwise_;
  std::unique_ptr<SocketSource> inside_;
  std::unique_ptr<PipePool> pipes_;
  loop::EventLoop::Source source_;
  loop::EventLoop::Timer bell_;  // for those whose share was used up
  std::vector<std::unique_ptr<Connection>> slots_;
  std::vector<uint32_t> free_, queue_;
  std::deque<uint32_t> waiting_;  // for a socket inside
  loop::EventLoop::Timer patience_;
  bool somebody_waits_ = false;  // and patience_ is set
  std::unique_ptr<uint8_t[]> scratch_;
  size_t open_ = 0;
  uint32_t last_generation_ = 0;
  Counters counters_;
};

}  // namespace postern::forward
