// tap_setup.h - hands a TAP out of a network namespace, set up for use.
//
//   our process (host netns)                  child: entered the namespace, lives for a few milliseconds
//     PendingTap::begin ─── fork ───────────►   open_tap, addresses, routes (netlink)
//     PendingTap::finish ◄─ SCM_RIGHTS ──────   TAP, netlink socket that watches the namespace
//
// Why a child: entering a user namespace is for good, and our process must stay in the host's namespaces to make host sockets.
#pragma once

#include <optional>
#include <string>

#include "postern/base/address.h"
#include "postern/base/result.h"
#include "postern/base/unique_fd.h"
#include "postern/netns/namespace.h"
#include "postern/netns/tap.h"
#include "postern/process/child.h"
#include "postern/process/message_channel.h"
#include "postern/stack/address_plan.h"

namespace postern::relay {

/// What the link and the namespace are given. Absent: only the TAP is made, or taken over, and left as it is.
struct LinkConfiguration {
  stack::AddressPlan addresses;
  unsigned mtu_bytes = 1500;
  bool ipv6 = true;        // accept router advertisements, no duplicate address detection
  std::optional<Mac> mac;  // absent: the kernel's choice
};

struct TapPlan {
  std::string name = "tap0";
  std::optional<LinkConfiguration> configuration;
  netns::Offload offload = netns::Offload::tcp4;  // what whoever reads the TAP can take
};

struct ConnectedTap {
  UniqueFd tap;
  netns::TapMode mode;
  UniqueFd address_watch;  // netlink::AddressMonitor's socket
  int link_index = 0;
};

/// The child is at work, and we may do something else.
class PendingTap {
 public:
  /// Neither argument is needed afterwards. Errors: fork's.
  static Result<PendingTap> begin(const netns::NamespaceHandle& target, const TapPlan& plan);
  /// Waits; once. Errors: those of netns::open_tap and netns::enter, and netlink's with the kernel's words.
  Result<ConnectedTap> finish();

 private:
  PendingTap(process::MessageChannel channel, process::Child child) : channel_(std::move(channel)), child_(std::move(child)) {}
  process::MessageChannel channel_;
  process::Child child_;
};

/// Both at once.
Result<ConnectedTap> connect_tap(const netns::NamespaceHandle& target, const TapPlan& plan);

}  // namespace postern::relay
