// slirp_descriptors.h - libslirp's host sockets in an epoll set.
//
// libslirp was made for poll(2): before every wait it names each descriptor and what it wants to hear of it. We keep what is
// armed in epoll and change only the differences. A number says nothing by itself: libslirp closes a socket and opens another
// with the same number between two waits, and epoll has forgotten the first. So an entry ends with unregister_poll_fd, and is
// unknown again from there.
//
// Listeners need care of their own: libslirp accepts one connection a turn, with a backlog of 1, and does not say when it could
// not (EMFILE, ENFILE), after which a level-triggered poll would report the same listener for ever.
#pragma once

#include <cstdint>
#include <vector>

#include "postern/loop/event_loop.h"

namespace postern::stack {

class SlirpDescriptors {
 public:
  SlirpDescriptors(loop::EventLoop& loop, size_t max_flows);

  /// One round of libslirp naming what it wants: begin, want for each, end. `events` are SLIRP_POLL_ bits.
  void begin_round();
  int want(int fd, int events);
  void end_round();

  /// What has happened to `fd` since begin_round, as SLIRP_POLL_ bits; -1 (a socket made since) has heard nothing.
  int take_ready(int fd);

  /// Both may be told of -1, the socket that libslirp could not get.
  void opened(int fd);   // register_poll_fd: a flow has this number now
  void closing(int fd);  // unregister_poll_fd: the number is about to mean nothing
  /// Listeners may have gone, which libslirp does not tell: nothing that is armed can be trusted.
  void forget_listeners();

  /// Something has happened to one of them, or a listener has rested enough, since begin_round: a new round is due.
  bool has_events() const { return has_events_; }

  /// After libslirp has served a round: a listener that was ready, though no flow was opened, could not be accepted from. It
  /// rests.
  void rest_listeners_that_cannot_accept();

  /// Sockets that are no listeners, whether or not libslirp wants to hear of them now: one that waits for the namespace's answer
  /// to its SYN is not in any round.
  size_t open_flows() const { return flows_; }

 private:
  enum class Kind : uint8_t { unknown, listener, other };
  struct Entry {
    uint64_t round = 0;   // the last round in which libslirp wanted it
    uint32_t wanted = 0;  // EPOLL bits
    uint32_t armed = 0;   // what epoll has; 0 = nothing
    uint32_t ready = 0;
    Kind kind = Kind::unknown;
    bool is_flow = false;
  };
  Entry& entry(int fd);
  void count(Entry& entry, bool is_flow);
  void arm(int fd, uint32_t events);
  void disarm(int fd);
  void identify(int fd);
  bool may_accept() const;

  loop::EventLoop& loop_;
  size_t max_flows_;
  loop::EventLoop::Source source_;
  loop::EventLoop::Timer rest_;
  bool has_events_ = false;
  bool resting_ = false;
  bool listener_ready_ = false;
  bool opened_one_ = false;
  uint64_t round_ = 0;
  size_t flows_ = 0;
  std::vector<Entry> entries_;  // by number; the kernel hands out the lowest free one, so this stays dense
  std::vector<int> wanted_, wanted_before_;
};

}  // namespace postern::stack
