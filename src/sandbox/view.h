// view.h - which directories of the host must be shown so that a file stays alive through its links. Pure.
//
//   /etc/resolv.conf -> ../run/systemd/resolve/stub-resolv.conf      show /etc and /run/systemd/resolve
//   /etc/resolv.conf -> static/resolv.conf, /etc/static -> /nix/...  show /etc and /nix/store/.../etc
//
// Directories, not files: a resolver replaces its file by renaming another over it, and a mount would stay on the old one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace postern::sandbox {

/// The host's files. No path that is asked for has a link in its parents.
struct Host {
  std::function<std::optional<std::string>(const std::string& path)> read_link;  // nothing: it is none
  std::function<bool(const std::string& path)> exists;

  /// As they are now.
  static Host real();
};

struct View {
  struct Link {
    std::string path, target;
    auto operator<=>(const Link&) const = default;
  };
  std::vector<std::string> directories;  // without links on their way, sorted, none below another; a file only if it is in /
  std::vector<Link> links;               // to be made inside, for they are in none of the directories
};

/// A directory that does not exist is left out, unless a file is to appear in it: then the nearest that exists is shown instead.
View view_of(const std::vector<std::string>& directories, const std::vector<std::string>& files, const Host& host);

}  // namespace postern::sandbox
