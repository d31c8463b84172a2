// checks.h - the checks by what they look at. Each group judges the facts alone, and says so in order.
#pragma once

#include <vector>

#include "diagnosis.h"

namespace postern::doctor {

/// userns, netns, mntns, pidns, mounts: needed. proc, sysctl, overlay: not.
std::vector<Finding> check_namespaces(const Facts& facts);
/// tun, needed; tso and uso.
std::vector<Finding> check_tap(const Facts& facts);
/// pidfd, needed; landlock and btf.
std::vector<Finding> check_kernel(const Facts& facts);
/// seccomp, privileges, subid.
std::vector<Finding> check_privileges(const Facts& facts);
/// ping, ports, ipv4, ipv6, dns.
std::vector<Finding> check_network(const Facts& facts);

}  // namespace postern::doctor
