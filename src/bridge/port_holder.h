// port_holder.h - who has a port already: words for an error, as far as /proc tells.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "postern/base/address.h"

namespace postern::bridge {

/// "named (pid 812)": the process of this network namespace that has a TCP or UDP socket on `port` at one of `addresses`, or at
/// every address. Nothing: there is none, or it belongs to somebody whose descriptors we may not see. Reads /proc as it goes, for
/// some milliseconds.
std::optional<std::string> holder_of_port(const std::vector<IpAddress>& addresses, Port port);

}  // namespace postern::bridge
