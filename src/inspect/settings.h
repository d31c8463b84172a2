// settings.h - what of /proc/sys/net decides whether a packet goes on.
#pragma once

#include "postern/inspect/namespace_view.h"

namespace postern::inspect {

/// Of the calling process's namespace, after the devices: those that there are, and a device's own where they filter.
void read_settings(NamespaceView& view);

}  // namespace postern::inspect
