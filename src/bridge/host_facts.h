// host_facts.h - what an examination of the host has seen, and what that means for bridge networks. Pure but for gather_facts().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postern/base/finding.h"
#include "postern/base/result.h"

namespace postern::bridge {

/// A base chain of somebody else's on the way of what is forwarded.
struct ForeignChain {
  std::string family, table, chain;
  bool operator==(const ForeignChain&) const = default;
};

/// What others have done in nftables; iptables-nft is seen too, iptables-legacy is not.
struct ForeignRules {
  std::vector<ForeignChain> dropping;  // hook forward, policy drop
  bool has_docker_user = false;        // Docker's chain for the administrator's rules
  bool has_ufw = false;
  bool has_firewalld = false;
};

struct HostFacts {
  bool net_admin = false, sys_admin = false;
  std::string nftables_error;         // empty: usable
  std::optional<ForeignRules> rules;  // nothing: they could not be read
  std::string rules_error;
  std::optional<int64_t> forwarding4, forwarding6;             // net.ipv4.ip_forward, net.ipv6.conf.all.forwarding
  std::optional<int64_t> bridge_calls_iptables;                // absent: br_netfilter is not loaded
  std::optional<int64_t> rp_filter_of_all, rp_filter_default;  // 1: strict
  bool has_dnsmasq = false;
};

/// Reads `nft -j list ruleset`. Errors: it is not that.
Result<ForeignRules> read_ruleset(std::string_view json);

HostFacts gather_facts();
std::vector<Finding> judge(const HostFacts& facts);

}  // namespace postern::bridge
