// inspect.h - looks at network namespaces, and changes nothing. What it can see is up to who asks: README.md of the room.
#pragma once

#include "postern/base/result.h"
#include "postern/inspect/host_view.h"
#include "postern/inspect/namespace_view.h"
#include "postern/netns/census.h"
#include "postern/netns/namespace.h"

namespace postern::inspect {

/// All of one, and of the namespaces that its wires lead to as much as names those. Errors: EPERM, it may not be entered; those
/// of fork(2). What else fails is said in NamespaceView::unread.
Result<NamespaceView> inspect_namespace(const netns::NamespaceHandle& target, const netns::Census& census);

/// All of all. One that cannot be entered, or goes meanwhile, stands there with that said.
HostView inspect_host(const netns::Census& census);

}  // namespace postern::inspect
