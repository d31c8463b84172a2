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

/// The link's text, or nothing if the path is no link. The path has no link in its parents.
using ReadLink = std::function<std::optional<std::string>(const std::string& path)>;

struct View {
  struct Link {
    std::string path, target;
    auto operator<=>(const Link&) const = default;
  };
  std::vector<std::string> directories;  // without links on their way, sorted, none below another; a file only if it is in /
  std::vector<Link> links;               // to be made inside, for they are in none of the directories
};

View view_of(const std::vector<std::string>& directories, const std::vector<std::string>& files, const ReadLink& read_link);

/// Of the host, as it is now.
std::optional<std::string> read_link(const std::string& path);

}  // namespace postern::sandbox
