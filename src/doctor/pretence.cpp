#include "pretence.h"

#include <array>
#include <cerrno>

namespace postern::doctor {

namespace {

struct Pretence {
  std::string_view name;
  void (*spoil)(Facts&);
};

/// As if clone(2) had met the limit 0 for one kind.
void turn_off(Facts& facts, int NamespaceTrial::*kind, std::optional<int64_t> Sysctls::*limit) {
  facts.trial = {};
  facts.trial.all = ENOSPC;
  facts.trial.user = facts.trial.network = facts.trial.mount = facts.trial.pid = 0;
  facts.trial.*kind = ENOSPC;
  facts.sysctls.*limit = 0;
}

const std::array<Pretence, 22> kPretences{{
    {"userns",
     [](Facts& facts) {
       facts.trial = {};
       facts.trial.all = facts.trial.user = EPERM;
       facts.sysctls.unprivileged_userns_clone = 0;
     }},
    {"netns", [](Facts& facts) { turn_off(facts, &NamespaceTrial::network, &Sysctls::max_net); }},
    {"mntns", [](Facts& facts) { turn_off(facts, &NamespaceTrial::mount, &Sysctls::max_mnt); }},
    {"pidns", [](Facts& facts) { turn_off(facts, &NamespaceTrial::pid, &Sysctls::max_pid); }},
    {"mounts", [](Facts& facts) { facts.trial.private_mounts = EACCES; }},
    {"tun", [](Facts& facts) { facts.tun = {.stat = ENOENT, .is_tun = false}; }},
    {"pidfd", [](Facts& facts) { facts.pidfd = ENOSYS; }},
    {"proc", [](Facts& facts) { facts.trial.proc = EPERM; }},
    {"sysctl", [](Facts& facts) { facts.trial.sysctl = EROFS; }},
    {"overlay", [](Facts& facts) { facts.trial.overlay = ENODEV; }},
    {"tso", [](Facts& facts) { facts.trial.tso = EINVAL; }},
    {"uso", [](Facts& facts) { facts.trial.uso = EINVAL; }},
    {"landlock", [](Facts& facts) { facts.landlock_version = 0; }},
    {"btf", [](Facts& facts) { facts.btf = false; }},
    {"seccomp",
     [](Facts& facts) {
       facts.around.seccomp_filter = true;
       facts.trial = {};
       facts.trial.all = facts.trial.user = EPERM;
     }},
    {"privileges", [](Facts& facts) { facts.around.no_new_privileges = true; }},
    {"subid", [](Facts& facts) { facts.subordinate = {}; }},
    {"ping",
     [](Facts& facts) {
       facts.ping_socket = EACCES;
       facts.raw_ping_socket = EPERM;
       facts.sysctls.ping_group_range = "1\t0\n";
     }},
    {"ports",
     [](Facts& facts) {
       facts.caller.may_bind_ports = false;
       facts.sysctls.unprivileged_port_start = 1024;
     }},
    {"ipv4", [](Facts& facts) { facts.ipv4.default_route = false; }},
    {"ipv6", [](Facts& facts) { facts.ipv6.default_route = false; }},
    {"dns", [](Facts& facts) { facts.resolver = {}; }},
}};

}  // namespace

std::vector<std::string_view> pretences() {
  std::vector<std::string_view> names;
  names.reserve(kPretences.size());
  for (const Pretence& pretence : kPretences) names.push_back(pretence.name);
  return names;
}

void spoil(Facts& facts, std::string_view name) {
  for (const Pretence& pretence : kPretences) {
    if (pretence.name == name) pretence.spoil(facts);
  }
}

}  // namespace postern::doctor
