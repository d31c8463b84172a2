// client_view.h - how the namespace sees a client of a published port: by its own address, or, where that means something else
// inside, as the gateway.
#pragma once

#include <optional>

#include "postern/stack/address_plan.h"

namespace postern::relay {

/// Nothing: it is seen as it is. The gateway for the host's loopback, for an unspecified or link-local IPv6 address, and for
/// addresses of the namespace's own networks, `guest` among them: an answer to one of these would never come back.
std::optional<IpAddress> stand_in_for(const IpAddress& client, const IpAddress& guest, const stack::AddressPlan& plan);

}  // namespace postern::relay
