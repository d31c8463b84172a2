// privilege_checks.cpp - what confines us from outside, and the ids that are granted to us.
#include <fmt/format.h>

#include "checks.h"
#include "remedy.h"

namespace postern::doctor {

namespace {

Finding check_seccomp(const Facts& facts) {
  if (!facts.around.seccomp_filter) return {"seccomp", Verdict::ok, "no seccomp filter around us", "", ""};
  const bool harmless = facts.trial.all == 0 && !facts.trial.died && facts.pidfd == 0;
  if (harmless) return {"seccomp", Verdict::ok, "a seccomp filter is around us, and lets namespaces pass", "", ""};
  const bool contained = facts.around.container != Container::none;
  return {"seccomp", Verdict::limited, "a seccomp filter is around us", "system calls that it refuses: see what is missing",
          contained ? container_option(facts.around, Need::namespaces)
                    : "run it outside the filter; in a systemd unit: RestrictNamespaces=no, SystemCallFilter="};
}

std::string why_no_new_privileges(Container container) {
  switch (container) {
    case Container::none: return "run it outside of what set no_new_privs; in a systemd unit: NoNewPrivileges=no";
    case Container::docker: return "docker run --security-opt no-new-privileges=false";
    case Container::podman: return "podman run without --security-opt no-new-privileges";
    case Container::kubernetes: return "in the pod: securityContext: {allowPrivilegeEscalation: true}";
  }
  return {};
}

Finding check_no_new_privileges(const Facts& facts) {
  if (!facts.around.no_new_privileges) return {"privileges", Verdict::ok, "no_new_privs is not set", "", ""};
  return {"privileges", Verdict::limited, "no_new_privs is set", "run --map-auto: newuidmap gains no privilege",
          why_no_new_privileges(facts.around.container)};
}

Cause why_no_ids(const Facts& facts) {
  const std::string user = facts.caller.name.empty() ? std::to_string(facts.caller.uid) : facts.caller.name;
  const std::string_view file = facts.subordinate.uids == 0 ? "/etc/subuid" : "/etc/subgid";
  const std::string found = fmt::format("{} grants no ids to {}", file, user);
  if (facts.caller.name.empty()) {  // usermod(8) knows names only
    return {found, fmt::format("echo {}:100000:65536 | sudo tee -a /etc/subuid /etc/subgid", user)};
  }
  return {found, fmt::format("sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {}", user)};
}

Finding check_subordinate(const Facts& facts) {
  const auto limited = [](Cause cause) {
    return Finding{"subid", Verdict::limited, std::move(cause.found), "run --map-auto: other users and groups inside",
                   std::move(cause.remedy)};
  };
  const Subordinate& ids = facts.subordinate;
  for (const auto& [name, helper] : {std::pair("newuidmap", &ids.newuidmap), std::pair("newgidmap", &ids.newgidmap)}) {
    if (helper->path.empty()) {
      return limited({fmt::format("{} is not installed", name), "sudo apt install uidmap (elsewhere: shadow-utils, shadow)"});
    }
    if (!helper->privileged) {
      return limited({fmt::format("{} has no privilege", helper->path), fmt::format("sudo chmod u+s {}", helper->path)});
    }
  }
  if (ids.uids == 0 || ids.gids == 0) return limited(why_no_ids(facts));
  return {"subid", Verdict::ok, fmt::format("{} user and {} group ids are granted", ids.uids, ids.gids), "", ""};
}

}  // namespace

std::vector<Finding> check_privileges(const Facts& facts) {
  return {check_seccomp(facts), check_no_new_privileges(facts), check_subordinate(facts)};
}

}  // namespace postern::doctor
