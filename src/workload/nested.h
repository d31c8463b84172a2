// nested.h - a user namespace within the init's own. What was mounted in the outer one is locked in the inner,
// mount_namespaces(7): root of the inner one can neither unmount it nor look under it.
#pragma once

#include <cstdint>

#include "postern/base/result.h"

namespace postern::workload {

/// Moves this process into a new user and mount namespace, and those of `clone_flags`. Every id of the outer user namespace is
/// the same in the new one. Errors: ENOSPC (user.max_user_namespaces), EPERM, EUSERS (32 deep).
Status enter_nested_namespaces(uint64_t clone_flags);

}  // namespace postern::workload
