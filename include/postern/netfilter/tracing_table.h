// tracing_table.h - marks packets for tracing (`meta nftrace set 1`), so that the kernel tells what the rules do with them. A
// table of its own, with rules that decide nothing: no packet fares otherwise than without it.
//
//   prerouting ─ before raw ─ conntrack ─ dstnat ─ after it ─► ...        output: the same        postrouting ─ srcnat ─ after it
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "postern/base/result.h"
#include "postern/netfilter/nftables.h"

namespace postern::netfilter {

/// The table is there as long as this lives, and goes with it also when the process is killed: the kernel takes it away with the
/// socket that owns it (`flags owner`), and lets nobody else change it, `nft flush ruleset` included.
class TracingTable {
 public:
  /// In the calling thread's network namespace. `conditions`: of nft(8) in the inet family, one rule's worth each; a packet that
  /// fulfils any of them is marked, as it came or as address translation has made it. Empty: every packet.
  /// Its name has a number in it that nobody can guess, and take first.
  /// Errors: those of Nftables::open(); EOPNOTSUPP where the kernel cannot let a table go with its owner (before Linux 5.12);
  /// without a code: a condition is not nft's language.
  static Result<TracingTable> install(std::span<const std::string> conditions);

  const std::string& name() const { return name_; }

 private:
  TracingTable(Nftables owner, std::string name) : owner_(std::move(owner)), name_(std::move(name)) {}
  Nftables owner_;  // says nothing more: where libnftables lists and is interrupted, it opens its socket anew
  std::string name_;
};

/// Whether a table of this name, in whatever namespace, may be a tracer's, ours or another's. Nobody is kept from such a name.
bool is_tracing_table(std::string_view name);

}  // namespace postern::netfilter
