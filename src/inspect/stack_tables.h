// stack_tables.h - what rtnetlink tells of a namespace, as views.
#pragma once

#include <vector>

#include "postern/base/result.h"
#include "postern/inspect/namespace_view.h"
#include "postern/netlink/socket.h"

#include "others.h"

namespace postern::inspect {

/// Devices with their addresses. A peer in another namespace gets that one's inode if it is among `others`.
Status read_devices(netlink::Socket& socket, const std::vector<Other>& others, NamespaceView& view);
/// Routes, rules, neighbours, after the devices. What cannot be read is said in `view.unread`.
void read_tables(netlink::Socket& socket, NamespaceView& view);

}  // namespace postern::inspect
