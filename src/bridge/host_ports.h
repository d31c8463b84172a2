// host_ports.h - whether a port of the host can be published: nobody listens there, and no other container has it.
#pragma once

#include <span>
#include <string_view>

#include "postern/bridge/network.h"

namespace postern::bridge {

/// `published`: the lines of the list. Errors name the port and who has it, or the address that the host has not.
Status check_free(std::span<const PortRange> wanted, std::string_view published);

}  // namespace postern::bridge
