// census.h - which network namespaces there are, as far as the caller may see, and what people call them.
//
// The kernel keeps no list: a namespace shows itself by the processes that live in it (/proc/PID/ns/net) and by the files that
// hold it (/run/netns/NAME, ip-netns(8)). One that only a socket or a descriptor keeps alive is not found.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "postern/base/result.h"
#include "postern/netns/namespace.h"

namespace postern::netns {

/// A program's name is of its own choice: up to 15 bytes of anything, proc_pid_comm(5).
struct Resident {
  pid_t pid = 0;
  std::string name;
  bool operator==(const Resident&) const = default;
};

struct SeenNamespace {
  ino_t inode = 0;                   // what `ls -l /proc/PID/ns/net` shows; no two living namespaces have the same
  std::vector<std::string> names;    // those of ip-netns(8) first, then what others call it; hostile as file names are
  std::optional<Resident> resident;  // the one with the least pid, but an init of ours; none: only a file holds it
  std::string path;                  // where it was seen: /proc/PID/ns/net, /run/netns/NAME
  bool is_own = false;               // the calling thread's
  bool is_host = false;              // that of the first process, or what stands for it where that cannot be seen
};

/// What a namespace is called by somebody who knows: an endpoint of a bridge network, a running instance.
struct GivenName {
  ino_t inode = 0;
  std::string name;
};

struct Census {
  std::vector<SeenNamespace> namespaces;  // the host's first, then by inode; each once
  size_t unreadable = 0;                  // processes that do not show where they are: other users', ptrace(2) access mode

  /// Nothing: none has that inode.
  const SeenNamespace* find(ino_t inode) const;
};

/// Where to look; for tests, elsewhere.
struct CensusPlaces {
  std::string proc = "/proc";
  std::vector<std::string> names = {"/run/netns", "/var/run/netns"};
};

/// A process that ends meanwhile is none. Costs a readlink(2) a process. Errors: `proc` cannot be listed.
Result<Census> take_census(const CensusPlaces& places = {});
/// Names of inodes that are not in the census are passed over.
void add_names(Census& census, std::span<const GivenName> names);

/// The one name to say: the first it has; "host"; its resident, "curl (4711)"; "netns 4026532008".
std::string short_name(const SeenNamespace& seen);

/// Opens it, and the user namespace with power over it. Errors: ESRCH, it has gone (also where another is in its place);
/// EACCES.
Result<NamespaceHandle> open_seen(const SeenNamespace& seen);

/// The namespace that `text` means: a path (it has a '/'), a process (a number), else a name: of `names`, "host", "self" (the
/// caller's own), one of ip-netns(8), or what short_name() says. Errors: there is none, in words that tell the names near by;
/// EACCES, it is another user's.
Result<NamespaceHandle> find_namespace(std::string_view text, const Census& census);

}  // namespace postern::netns
