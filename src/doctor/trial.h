// trial.h - tries in a child what `postern run` will do, for no sysctl tells all: AppArmor lets clone(2) pass and refuses what
// follows, a container's /proc can be masked, a seccomp filter answers as it likes.
#pragma once

#include "facts.h"

namespace postern::doctor {

/// Makes the four namespaces in a child, and in them mounts, a TAP; all of it goes with the child before this returns.
NamespaceTrial try_namespaces();

}  // namespace postern::doctor
