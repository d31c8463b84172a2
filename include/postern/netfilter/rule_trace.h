// rule_trace.h - what nftables did with a packet, rule by rule: the messages that `nft monitor trace` shows. The kernel makes
// them of packets that a rule has marked (`meta nftrace set 1`), whoever's rule it was; tracing_table.h has ours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::netfilter {

/// What a rule, or the policy of a chain, decided.
struct Verdict {
  enum class Kind : uint8_t { drop, accept, stolen, queue, proceed, jump, go_to, leave, other } kind = Kind::other;
  std::string chain;  // of jump and go_to: where
  /// As nft(8) has it: "drop", "jump to_blue", "continue".
  std::string text() const;
};

/// What connection tracking says of a packet.
struct TracedConnection {
  uint32_t id = 0;
  uint32_t state = 0;   // NF_CT_STATE_BIT()s, linux/netfilter/nf_conntrack_common.h
  uint32_t status = 0;  // IPS_SRC_NAT, IPS_DST_NAT, ...
  bool is_reply = false;
};

struct TraceMessage {
  /// returned: the chain is left, by its end or by `return`. policy: the base chain is left by its end, and that decides.
  enum class Kind : uint8_t { rule, returned, policy } kind = Kind::rule;
  uint32_t id = 0;     // the same for messages of one packet; others may have it later
  uint8_t family = 0;  // NFPROTO_INET, ...: the table's
  std::string table, chain;
  uint64_t rule = 0;  // its handle, of Kind::rule
  Verdict verdict;
  uint32_t mark = 0;
  int input_device = 0, output_device = 0;  // by index; 0: none

  /// The packet stands only in the first message of its way through one base chain, and is empty in those that follow: its bytes
  /// from the link layer's header on (20 at most), from the network layer's (40) and the transport layer's (20).
  std::vector<uint8_t> link_header, network_header, transport_header;
  using Connection = TracedConnection;
  std::optional<Connection> connection;  // beside the packet's bytes, from Linux 6.17 on
};

/// `message`: from its nlmsghdr on. Attributes that are too short, or of no known kind, are passed over. Nothing: it is no trace
/// message, or tells neither chain nor id. Pure.
std::optional<TraceMessage> parse_trace_message(std::span<const uint8_t> message);
/// "inet", "ip", "bridge"; "family 99" for one that nft has no word for.
std::string family_name(uint8_t family);

/// All trace messages of the network namespace in which it was opened, for whichever tracer's sake they are made.
class RuleTrace {
 public:
  /// Errors: EPERM without CAP_NET_ADMIN over the namespace; EPROTONOSUPPORT.
  static Result<RuleTrace> open();

  /// For the event loop: readable when poll() has work.
  int fd() const { return socket_.get(); }
  /// Takes in what has come, at most `most` messages; never blocks. How many: 0 when there was nothing left.
  size_t poll(size_t most, const std::function<void(TraceMessage&&)>& sink);
  /// Messages for which there was no room.
  uint64_t lost() const;

 private:
  explicit RuleTrace(UniqueFd socket) : socket_(std::move(socket)) {}
  UniqueFd socket_;
};

}  // namespace postern::netfilter
