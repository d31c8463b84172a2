// inside.h - what a child of ours sees in a network namespace that it has entered.
//
//   our process (where the caller is)                child: entered the namespace, lives for a few milliseconds
//     look_inside() ─── fork ─────────────────────►   rtnetlink, /proc/net, /proc/sys/net, nftables
//                   ◄── a memfd (archive.h) ───────   Inside
//
// Why a child: entering a user namespace is for good; and libnftables ends the process where it cannot have its socket.
// What only our own process can know (programs, names of other namespaces) is put in afterwards: inspect.cpp.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"
#include "postern/inspect/namespace_view.h"
#include "postern/netns/census.h"
#include "postern/netns/namespace.h"

namespace postern::inspect {

/// The namespaces that a wire may lead to, opened while we still may. The host's first: most wires lead there.
struct OpenNamespace {
  ino_t inode = 0;
  UniqueFd network;
};
/// As many as there are descriptors for; `census` names them.
std::vector<OpenNamespace> open_all(const netns::Census& census);

enum class Depth {
  devices,  // what names the other ends of wires
  whole,
};

struct Inside {
  NamespaceView view;                     // peers and listeners without names
  std::vector<uint64_t> listener_inodes;  // of each of view.listeners: its socket's, as /proc/PID/fd shows it
};

Result<Inside> look_inside(const netns::NamespaceHandle& target, const std::vector<OpenNamespace>& others, Depth depth);

}  // namespace postern::inspect
