// surroundings.h - the network namespaces there are, by every name that anybody gave them.
#pragma once

#include <vector>

#include "postern/netlink/link.h"
#include "postern/netns/census.h"

namespace postern::trace_cli {

/// The census, with the names of postern bridge's endpoints and of running posterns. Names that cannot be had are left out.
Result<netns::Census> look_around();

/// Of the calling thread's network namespace.
Result<std::vector<netlink::Link>> links_here();
/// Of another one. Errors: EPERM; ESRCH, it has gone.
Result<std::vector<netlink::Link>> links_of(const netns::SeenNamespace& seen);

}  // namespace postern::trace_cli
