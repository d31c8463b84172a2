// slirp4netns_command.h - Postern under slirp4netns's name.
#pragma once

#include "slirp4netns_options.h"

namespace postern::cli {

/// Serves until it is told to end, or what it serves has ended. Returns the exit status; a signal that ends it ends the process,
/// once everything is tidied up.
int slirp4netns_command(const Slirp4netnsOptions& options);

}  // namespace postern::cli
