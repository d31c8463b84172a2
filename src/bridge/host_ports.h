// host_ports.h - whether a port of the host can be published: nobody listens there, and no other container has it.
#pragma once

#include <span>
#include <string_view>

#include "postern/bridge/network.h"

namespace postern::bridge {

/// `published`: the lines of the list. `resolvers`: addresses of the host where port 53 is our own DNS servers', which the rules
/// let be reached whoever has published it. Errors name the port and who has it, or the address that the host has not.
Status check_free(std::span<const PortRange> wanted, std::string_view published, std::span<const IpAddress> resolvers);

}  // namespace postern::bridge
