// host_facts.cpp - looks at the host: /proc/sys, our own capabilities, the ruleset, $PATH.
#include "host_facts.h"

#include <linux/capability.h>
#include <unistd.h>

#include <cstdlib>

#include "postern/base/file.h"
#include "postern/base/text.h"
#include "postern/netfilter/nftables.h"
#include "postern/process/capability.h"

namespace postern::bridge {

namespace {

/// Absent: this kernel has no such sysctl.
std::optional<int64_t> read_sysctl(const char* path) {
  const auto text = read_file(path);
  return text ? whole_number<int64_t>(trim(*text)) : std::nullopt;
}

/// Also where a user's PATH does not lead.
bool is_installed(std::string_view program) {
  const char* path = std::getenv("PATH");
  const std::string folders = std::string(path ? path : "") + ":/usr/sbin:/usr/local/sbin:/sbin";
  std::string_view rest = folders;
  while (!rest.empty()) {
    const std::string_view folder = take_until(rest, ':');
    if (!folder.empty() && ::access((std::string(folder) + "/" + std::string(program)).c_str(), X_OK) == 0) return true;
  }
  return false;
}

void look_at_rules(HostFacts& facts) {
  auto nftables = netfilter::Nftables::open();
  if (!nftables) {
    facts.nftables_error = facts.rules_error = nftables.error().message();
    return;
  }
  const auto json = nftables->list_ruleset_json();
  const auto rules = json ? read_ruleset(*json) : Result<ForeignRules>(Failure(json.error()));
  if (rules) {
    facts.rules = *rules;
  } else {
    facts.rules_error = rules.error().message();
  }
}

}  // namespace

HostFacts gather_facts() {
  HostFacts facts;
  facts.net_admin = process::has_capability(CAP_NET_ADMIN);
  facts.sys_admin = process::has_capability(CAP_SYS_ADMIN);
  facts.rules_error = "not to be seen without CAP_NET_ADMIN";
  if (facts.net_admin) look_at_rules(facts);
  facts.forwarding4 = read_sysctl("/proc/sys/net/ipv4/ip_forward");
  facts.forwarding6 = read_sysctl("/proc/sys/net/ipv6/conf/all/forwarding");
  facts.bridge_calls_iptables = read_sysctl("/proc/sys/net/bridge/bridge-nf-call-iptables");
  facts.rp_filter_of_all = read_sysctl("/proc/sys/net/ipv4/conf/all/rp_filter");
  facts.rp_filter_default = read_sysctl("/proc/sys/net/ipv4/conf/default/rp_filter");
  facts.has_dnsmasq = is_installed("dnsmasq");
  return facts;
}

}  // namespace postern::bridge
