// given_names.h - what `postern bridge` calls the namespaces that it has connected.
#pragma once

#include <vector>

#include "postern/netns/census.h"

namespace postern::inspect_cli {

/// Of every endpoint its id. None where there are no bridge networks, or the caller may not know of them: root may.
std::vector<netns::GivenName> names_of_bridge();

}  // namespace postern::inspect_cli
