// host_verdicts.cpp - the facts judged, each by itself, always in the same order.
#include <fmt/format.h>

#include "host_facts.h"

namespace postern::bridge {

namespace {

Finding check_privileges(const HostFacts& facts) {
  if (facts.net_admin && facts.sys_admin) return {"privileges", Verdict::ok, "CAP_NET_ADMIN and CAP_SYS_ADMIN are held", "", ""};
  const char* lacking = facts.net_admin   ? "CAP_SYS_ADMIN is"
                        : facts.sys_admin ? "CAP_NET_ADMIN is"
                                          : "CAP_NET_ADMIN and CAP_SYS_ADMIN are";
  return {"privileges", Verdict::missing, fmt::format("{} not held", lacking), "bridge networks",
          "sudo postern bridge ...; without root: postern run --network slirp, the default"};
}

Finding check_nftables(const HostFacts& facts) {
  if (!facts.net_admin) return {"nftables", Verdict::unknown, "not to be seen without CAP_NET_ADMIN", "", ""};
  if (facts.nftables_error.empty()) return {"nftables", Verdict::ok, "the kernel has nf_tables", "", ""};
  return {"nftables", Verdict::missing, facts.nftables_error, "NAT, isolation and published ports", "sudo modprobe nf_tables"};
}

struct Forwarding {
  const char* check;
  const char* family;
  const char* sysctl;
};
constexpr Forwarding kForwarding4 = {"forwarding4", "IPv4", "net.ipv4.ip_forward"};
constexpr Forwarding kForwarding6 = {"forwarding6", "IPv6", "net.ipv6.conf.all.forwarding"};

Finding check_forwarding(const Forwarding& of, const std::optional<int64_t>& value) {
  if (!value) return {of.check, Verdict::limited, fmt::format("the kernel has no {}", of.family), of.family, ""};
  if (*value > 0) return {of.check, Verdict::ok, fmt::format("the host forwards {}", of.family), "", ""};
  return {of.check, Verdict::limited, fmt::format("{} is 0", of.sysctl),
          fmt::format("{} beyond the host, where `up` does not turn it on (--ip-forward require, never)", of.family),
          fmt::format("sudo sysctl {}=1", of.sysctl)};
}

/// In nft's words: iptables shows and keeps such a rule too. NAME is a network's.
std::string letting_pass(const ForeignRules& rules, const ForeignChain& chain) {
  const bool is_of_iptables =
      (chain.family == "ip" || chain.family == "ip6") && chain.table == "filter" && chain.chain == "FORWARD";
  if (is_of_iptables && rules.has_ufw) return "sudo ufw route allow in on NAME && sudo ufw route allow out on NAME";
  const char* iptables = chain.family == "ip6" ? "ip6tables" : "iptables";
  if (is_of_iptables && rules.has_docker_user) {
    return fmt::format("sudo {0} -I DOCKER-USER -i NAME -j ACCEPT && sudo {0} -I DOCKER-USER -o NAME -j ACCEPT", iptables);
  }
  if (is_of_iptables) {
    return fmt::format("sudo {0} -I FORWARD -i NAME -j ACCEPT && sudo {0} -I FORWARD -o NAME -j ACCEPT", iptables);
  }
  return fmt::format(
      "sudo nft insert rule {0} {1} {2} iifname NAME accept && sudo nft insert rule {0} {1} {2} oifname NAME accept",
      chain.family, chain.table, chain.chain);
}

/// A packet passes if every chain at the hook lets it: an accept of ours is no answer to a drop of theirs, nft(8).
std::vector<Finding> check_forward_chains(const HostFacts& facts) {
  if (!facts.rules) return {{"forward", Verdict::unknown, facts.rules_error, "", ""}};
  if (facts.rules->dropping.empty()) return {{"forward", Verdict::ok, "nobody else drops what is forwarded, by policy", "", ""}};
  std::vector<Finding> findings;
  for (const ForeignChain& chain : facts.rules->dropping) {
    findings.push_back(
        {"forward", Verdict::limited,
         fmt::format("chain {} of table {} {} drops what it does not know", chain.chain, chain.family, chain.table),
         "from and to the outside, between networks, and published ports: our rules cannot overrule it",
         letting_pass(*facts.rules, chain)});
  }
  return findings;
}

Finding check_firewall(const HostFacts& facts) {
  if (!facts.rules) return {"firewall", Verdict::unknown, facts.rules_error, "", ""};
  if (facts.rules->has_firewalld) {
    return {"firewall", Verdict::limited, "firewalld is in force", "what is forwarded between zones: its last rule refuses it",
            "sudo firewall-cmd --permanent --zone=trusted --add-interface=NAME && sudo firewall-cmd --reload"};
  }
  if (facts.rules->has_ufw) {
    return {"firewall", Verdict::limited, "ufw is in force", "what containers ask of the host itself, and what is forwarded",
            "sudo ufw allow in on NAME && sudo ufw route allow in on NAME && sudo ufw route allow out on NAME"};
  }
  return {"firewall", Verdict::ok, "neither firewalld nor ufw", "", ""};
}

Finding check_br_netfilter(const HostFacts& facts) {
  if (facts.bridge_calls_iptables.value_or(0) == 0) {
    return {"br_netfilter", Verdict::ok, "rules for what is routed do not see what is switched", "", ""};
  }
  return {"br_netfilter", Verdict::limited, "net.bridge.bridge-nf-call-iptables is 1",
          "frames between members of a network pass the host's forward rules too: slower, and dropped where those say so",
          "sudo sysctl net.bridge.bridge-nf-call-iptables=0 (Kubernetes wants it 1)"};
}

Finding check_rp_filter(const HostFacts& facts) {
  constexpr int64_t kStrict = 1;
  const bool all = facts.rp_filter_of_all == kStrict, fresh = facts.rp_filter_default == kStrict;
  if (!all && !fresh) return {"rp_filter", Verdict::ok, "reverse paths are not asked for strictly", "", ""};
  const char* sysctl = all ? "net.ipv4.conf.all.rp_filter" : "net.ipv4.conf.default.rp_filter";
  return {"rp_filter", Verdict::limited, fmt::format("{} is 1: strict", sysctl),
          "clients and containers whose answers leave by another interface than they came in by (two networks, two uplinks)",
          fmt::format("sudo sysctl {}=2", sysctl)};
}

Finding check_names(const HostFacts& facts) {
  if (facts.has_dnsmasq) return {"names", Verdict::ok, "dnsmasq is there", "", ""};
  return {"names", Verdict::limited, "dnsmasq is not installed", "containers' names; up --no-names does without",
          "sudo apt-get install dnsmasq-base"};
}

}  // namespace

std::vector<Finding> judge(const HostFacts& facts) {
  std::vector<Finding> findings = {check_privileges(facts), check_nftables(facts),
                                   check_forwarding(kForwarding4, facts.forwarding4),
                                   check_forwarding(kForwarding6, facts.forwarding6)};
  for (Finding& finding : check_forward_chains(facts)) findings.push_back(std::move(finding));
  findings.push_back(check_firewall(facts));
  findings.push_back(check_br_netfilter(facts));
  findings.push_back(check_rp_filter(facts));
  findings.push_back(check_names(facts));
  return findings;
}

}  // namespace postern::bridge
