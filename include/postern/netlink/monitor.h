// monitor.h - tells when IPv6 of a link works, without asking again and again: the kernel announces each change.
//
//   inside the namespace: open_socket() ---- SCM_RIGHTS ----> our process: AddressMonitor, readable in the event loop
//
// Why IPv6 only: IPv4 is set by us and works at once; an IPv6 address waits for a router advertisement and for duplicate
// address detection.
// Trust: whoever is root inside the namespace can send to this socket too. Only the kernel is listened to.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "postern/base/address.h"
#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::netlink {

class AddressMonitor {
 public:
  /// To be called inside the network namespace; the socket stays tied to it and may be passed to another process.
  static Result<UniqueFd> open_socket();

  AddressMonitor(UniqueFd socket, int link_index) : socket_(std::move(socket)), link_index_(link_index) {}

  /// For the event loop: readable when poll() has work.
  int fd() const { return socket_.get(); }

  /// Asks the kernel for what is so now; the answer comes by poll(). Once at the start, or what happened before the socket was
  /// opened stays unknown.
  Status request_dump();

  /// Takes in what has arrived, a bounded number of messages; never blocks. True if the state below changed. Messages lost
  /// because nobody polled (ENOBUFS) are made good by a dump of its own.
  Result<bool> poll();

  /// A global IPv6 address of the link that may be used: not tentative.
  const std::optional<Ipv6>& address() const { return state_.address; }
  /// Whether an IPv6 default route leads out by the link.
  bool has_default_route() const { return state_.default_route; }
  /// Whether the link was deleted or moved to another namespace.
  bool link_gone() const { return state_.link_gone; }

 private:
  enum class Dump { none, addresses, routes };  // the kernel runs one dump a socket at a time

  struct State {  // one address, one route: what is inside the namespace must not be able to fill our memory
    std::optional<Ipv6> address;
    bool default_route = false;
    bool link_gone = false;
    bool operator==(const State&) const = default;
  };

  Status dump_if_stale();
  Status start_dump(Dump dump);
  Status finish_dump(const nlmsghdr& message);
  Status ask_again();
  Status take(const nlmsghdr& message);
  void apply(const nlmsghdr& message, State& state);
  void apply_address(const nlmsghdr& message, State& state);
  void apply_route(const nlmsghdr& message, State& state);
  void apply_link(const nlmsghdr& message, State& state);

  UniqueFd socket_;
  int link_index_;
  State state_;
  State dumped_;  // what the running dump has told so far
  Dump dump_ = Dump::none;
  uint32_t dump_sequence_ = 0;
  bool stale_ = false;  // something was missed, removed or replaced: dump (again) as soon as none runs
};

}  // namespace postern::netlink
