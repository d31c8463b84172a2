// monitor.cpp - keeps an AddressMonitor's picture true: announcements change it, a dump replaces it.
//
//   request_dump() ─► addresses ─ NLMSG_DONE ─► routes ─ NLMSG_DONE ─► none: `dumped_` becomes `state_`
//        ▲                                                              │
//        └── something lost, removed or replaced since (`stale_`) ◄─────┘
//
// Announcements that come during a dump go into both pictures: they are younger than the parts of the dump before them.
#include "postern/netlink/monitor.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>

#include "dump.h"
#include "transport.h"

namespace postern::netlink {
namespace {

constexpr std::string_view kDoing = "watch the namespace's addresses";
constexpr int kDatagramsPerPoll = 64;  // whoever flaps addresses inside must not keep the event loop here

bool is_lost(const Error& error) { return error.is(std::errc::no_buffer_space) || error.is(std::errc::message_size); }

}  // namespace

Result<UniqueFd> AddressMonitor::open_socket() {
  auto socket = open_transport(RTMGRP_LINK | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE, SOCK_NONBLOCK);
  if (!socket) return within(kDoing, socket.error());
  return socket;
}

Status AddressMonitor::request_dump() {
  stale_ = true;
  return dump_if_stale();
}

Status AddressMonitor::dump_if_stale() {
  if (!stale_ || dump_ != Dump::none) return {};
  stale_ = false;
  dumped_ = State{.address = {}, .default_route = false, .link_gone = state_.link_gone};
  return start_dump(Dump::addresses);
}

Status AddressMonitor::start_dump(Dump dump) {
  dump_ = dump;
  DumpRequest request(dump == Dump::addresses ? RTM_GETADDR : RTM_GETROUTE, AF_INET6);
  // What was lost may be told here first, which clears it. Told again, our queue is full: it can be read, and then we ask again.
  Status sent = send_request(socket_, request.get(), ++dump_sequence_);
  if (!sent && is_lost(sent.error())) sent = send_request(socket_, request.get(), ++dump_sequence_);
  return sent || !is_lost(sent.error()) ? sent : ask_again();
}

/// When what fills our queue has been read.
Status AddressMonitor::ask_again() {
  dump_ = Dump::none;
  stale_ = true;
  return {};
}

Status AddressMonitor::finish_dump(const nlmsghdr& message) {
  Status status = outcome(message, kDoing);
  if (!status && is_lost(status.error())) return ask_again();
  if (!status) return status;
  if (dump_ == Dump::addresses) return start_dump(Dump::routes);
  dump_ = Dump::none;
  state_ = dumped_;
  return {};
}

Result<bool> AddressMonitor::poll() {
  const State before = state_;
  Datagram buffer;
  for (int turn = 0; turn < kDatagramsPerPoll; ++turn) {
    const auto datagram = receive(socket_, buffer);
    if (!datagram && datagram.error().is(std::errc::resource_unavailable_try_again)) break;
    if (!datagram && !is_lost(datagram.error())) return within(kDoing, datagram.error());
    stale_ |= !datagram;
    if (!datagram) continue;
    POSTERN_CHECK(for_each_message(*datagram, [&](const nlmsghdr& message) { return take(message); }), kDoing);
  }
  POSTERN_CHECK(dump_if_stale(), kDoing);
  return state_ != before;
}

Status AddressMonitor::take(const nlmsghdr& message) {
  if (message.nlmsg_type == NLMSG_DONE || message.nlmsg_type == NLMSG_ERROR)
    return message.nlmsg_seq == dump_sequence_ && dump_ != Dump::none ? finish_dump(message) : Status();
  stale_ |= (message.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
  apply(message, dumped_);
  const bool announced = !(message.nlmsg_flags & NLM_F_MULTI);  // the parts of a dump are marked
  if (!announced) return {};
  apply(message, state_);
  const bool deleted = message.nlmsg_type == RTM_DELADDR || message.nlmsg_type == RTM_DELROUTE;
  stale_ |= deleted && dump_ != Dump::none;  // the parts that come may have been written before
  return {};
}

void AddressMonitor::apply(const nlmsghdr& message, State& state) {
  switch (message.nlmsg_type) {
    case RTM_NEWADDR:
    case RTM_DELADDR: return apply_address(message, state);
    case RTM_NEWROUTE:
    case RTM_DELROUTE: return apply_route(message, state);
    case RTM_NEWLINK:
    case RTM_DELLINK: return apply_link(message, state);
  }
}

void AddressMonitor::apply_address(const nlmsghdr& message, State& state) {
  std::vector<Address> table;
  append(message, table);
  for (const Address& entry : table) {
    const auto* ipv6 = std::get_if<Ipv6>(&entry.address);
    if (!ipv6 || entry.link_index != link_index_ || entry.scope != RT_SCOPE_UNIVERSE) continue;
    const bool usable = message.nlmsg_type == RTM_NEWADDR && !entry.tentative;
    if (usable && !state.address) state.address = *ipv6;
    if (!usable && state.address == *ipv6) {
      state.address.reset();
      stale_ = true;  // there may be another one
    }
  }
}

void AddressMonitor::apply_route(const nlmsghdr& message, State& state) {
  std::vector<Route> table;
  append(message, table);
  const bool added = message.nlmsg_type == RTM_NEWROUTE;
  for (const Route& route : table) {
    if (route.family != AF_INET6 || !route.is_default()) continue;
    if (added && message.nlmsg_flags & NLM_F_REPLACE) stale_ = true;  // of what it took the place is not said
    if (route.out_link != link_index_ || route.type != RTN_UNICAST) continue;
    stale_ |= !added && state.default_route;  // there may be another one
    state.default_route = added;
  }
}

void AddressMonitor::apply_link(const nlmsghdr& message, State& state) {
  const auto* header = header_of<ifinfomsg>(message);
  if (!header || header->ifi_family != AF_UNSPEC || header->ifi_index != link_index_) return;  // AF_BRIDGE: left a bridge
  if (message.nlmsg_type == RTM_DELLINK) state = State{.address = {}, .default_route = false, .link_gone = true};
  if (!(header->ifi_flags & IFF_UP)) stale_ = true;  // its routes go, with net.ipv6.route.skip_notify_on_dev_down unannounced
}

}  // namespace postern::netlink
