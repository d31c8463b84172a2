// slirp4netns_text.h - what the slirp4netns face prints on standard output. Clients search these texts: see
// docs/compatibility.md.
#pragma once

#include <string>

#include "host_network.h"
#include "slirp4netns_options.h"

namespace postern::cli {

/// Every option's name must be in it: podman, buildah, RootlessKit and Docker's scripts look for them to learn what they may ask.
std::string slirp4netns_help(const std::string& program);

/// As runc prints it: docker takes the last line with the lower-case word "version" for the version, "commit:" for the commit.
std::string slirp4netns_version();

/// The network that is served, one line a fact.
std::string slirp4netns_banner(const Slirp4netnsOptions& options, const VirtualNetwork& network);

}  // namespace postern::cli
