// host_check.h - what of this host stands in the way of bridge networks: rules and settings that others made. Nothing is changed.
#pragma once

#include <vector>

#include "postern/base/finding.h"
#include "postern/base/result.h"

namespace postern::bridge {

/// privileges, nftables: without them nothing works. forwarding4, forwarding6, forward (a finding for each foreign chain that
/// drops what is forwarded), firewall, br_netfilter, rp_filter, names: with less. What the caller may not see is `unknown`.
Result<std::vector<Finding>> examine_host();

}  // namespace postern::bridge
