// wires.h - what joins the devices of a host, found in the views of its namespaces. Pure.
#pragma once

#include <vector>

#include "postern/inspect/host_view.h"

#include "open_files.h"

namespace postern::inspect {

/// Whether what `device` names as its peer is the other end of a pair, rather than what it rides on.
bool is_pair(const DeviceView& device);

/// Puts names to the peers that are in one of `namespaces`.
void name_peers(NamespaceView& view, const std::vector<NamespaceView>& namespaces);

/// Who holds the TUNs and TAPs of `view`. Where the kernel did not say of which namespace an open one is, it is taken to be that
/// of its name if no other program has one of that name.
void name_holders(NamespaceView& view, const std::vector<OpenTap>& taps);

/// Each once.
std::vector<Wire> wires_between(const std::vector<NamespaceView>& namespaces, const std::vector<OpenTap>& taps);

}  // namespace postern::inspect
