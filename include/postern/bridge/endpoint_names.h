// endpoint_names.h - what bridge networks call the namespaces that are connected to them, for who shows namespaces to people.
#pragma once

#include <vector>

#include "postern/base/result.h"
#include "postern/bridge/bridge.h"
#include "postern/netns/census.h"

namespace postern::bridge {

/// Of every endpoint its id. Empty where there are no bridge networks, or the caller may not know of them (root may): neither is
/// an error. Holds the lock of the state for a moment, and finishes what a killed command has left.
Result<std::vector<netns::GivenName>> endpoint_names(const Places& places = {});

}  // namespace postern::bridge
