// tap.h - the wire out of the namespace: a TAP device, Linux Documentation/networking/tuntap.rst.
#pragma once

#include <string_view>

#include "postern/base/address.h"
#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::netns {

/// Opens TAP `name` in the *calling thread's* network namespace, making it if it does not exist; non-blocking, close-on-exec,
/// bare Ethernet frames (IFF_NO_PI). It goes when the descriptor does, unless somebody made it persistent.
/// Errors: ENOENT, EACCES (the device node), EPERM (no CAP_NET_ADMIN over the namespace), EBUSY (in use), ENAMETOOLONG, EINVAL (a
/// device of another kind has the name).
Result<UniqueFd> open_tap(std::string_view name);

/// The guest's side of the wire, from whichever namespace we ask. SIOCGIFHWADDR.
Result<Mac> mac_of_tap(int tap);

}  // namespace postern::netns
