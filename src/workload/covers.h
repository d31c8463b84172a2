// covers.h - folders of the host that are not shown inside: an empty tmpfs lies over each.
#pragma once

#include <string>
#include <vector>

#include "postern/base/result.h"

namespace postern::workload {

struct Cover {
  std::string folder;
  unsigned mode;  // of the empty folder, as chmod(2) has it
};

/// Where resolvers of the host answer by path: through these a name would be looked up outside of the new network.
std::vector<Cover> resolver_covers();
/// What other programs of the caller's, and services of the host, share by path: /tmp, /run (with it the sockets of docker and of
/// D-Bus), and `runtime_folder` ($XDG_RUNTIME_DIR) wherever it is.
std::vector<Cover> private_covers(const std::string& runtime_folder);

/// Covers those that exist; one that lies in another is made there, empty. A file of /etc whose links lead into a cover is there
/// again, empty, and so are the links and folders of /run that NixOS runs programs from.
/// Errors: mount(2)'s.
Status cover(const std::vector<Cover>& covers);
/// A working folder that is covered would be a way around the cover, for its ".." leads up in what is hidden. Steps into what its
/// path shows now, or into / with a warning.
Status leave_covered_folder();

}  // namespace postern::workload
