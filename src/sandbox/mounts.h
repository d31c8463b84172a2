// mounts.h - an own mount namespace whose root holds only what a View names, mount_namespaces(7).
#pragma once

#include "postern/base/result.h"

#include "view.h"

namespace postern::sandbox {

/// With CAP_SYS_ADMIN only the mount namespace is new, otherwise the user namespace too. Errors: EPERM, ENOSPC, EACCES.
Status leave_namespaces();

/// In a mount namespace of our own. The root becomes a read-only tmpfs; the view's directories are bound in, read-only, nosuid,
/// nodev, noexec, with all that is mounted below them; what the host mounts there later is seen.
Status show_only(const View& view);

}  // namespace postern::sandbox
