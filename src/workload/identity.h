// identity.h - gives a new user namespace its ids, user_namespaces(7).
#pragma once

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"
#include "postern/workload/workload.h"

namespace postern::workload {

/// The process of `proc_folder` lives in a user namespace of the caller's that has no ids yet. With IdRanges::subordinate it
/// takes newuidmap(1) and newgidmap(1), which check /etc/subuid and /etc/subgid. Errors: EPERM (a security module), ENOENT (no
/// newuidmap).
Status give_ids(const UniqueFd& proc_folder, Identity identity, IdRanges ranges);

}  // namespace postern::workload
