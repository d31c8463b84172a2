// client_view.h - how the namespace sees a client of a published port: by its own address, or, where that means something else
// inside, as the gateway.
#pragma once

#include "postern/stack/address_plan.h"

namespace postern::relay {

/// The gateway for the host's loopback, for an unspecified or link-local IPv6 address, and for addresses of the namespace's own
/// networks, `guest` among them: an answer to one of these would never come back.
IpAddress shown_client(const IpAddress& client, const IpAddress& guest, const stack::AddressPlan& plan);

}  // namespace postern::relay
