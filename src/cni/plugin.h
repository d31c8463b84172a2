// plugin.h - CNI's commands, carried out by the engine of the bridge mode.
#pragma once

#include <string>

#include "postern/bridge/bridge.h"

#include "call.h"
#include "refusal.h"

namespace postern::cni {

/// What goes to standard output; CNI wants nothing after some commands. VERSION is not for it: that needs no configuration.
Outcome<std::string> serve(const Call& call, const bridge::Places& places);

}  // namespace postern::cni
