// inside.h - what a child of ours sees in a network namespace that it has entered.
//
//   our process (where the caller is)                child: entered the namespace, lives for a few milliseconds
//     look_inside() ─── fork ─────────────────────►   rtnetlink, /proc/net, /proc/sys/net, nftables
//                   ◄── a memfd (answer.h) ────────   Inside
//
// Why a child: entering a user namespace is for good; libnftables ends the process where it cannot have its socket; and what is
// there may be of any size (errand.h). It enters the user namespace only where it must: who has power over that can stop it.
// What only our own process can know (programs, names of other namespaces) is put in afterwards: inspect.cpp.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "postern/base/result.h"
#include "postern/inspect/namespace_view.h"
#include "postern/netns/census.h"
#include "postern/netns/namespace.h"

#include "errand.h"

namespace postern::inspect {

enum class Depth {
  devices,  // what names the other ends of wires
  whole,
};

struct Inside {
  NamespaceView view;                     // peers and listeners without names
  std::vector<uint64_t> listener_inodes;  // of each of view.listeners: its socket's, as /proc/PID/fd shows it
};

/// `census`: the namespaces that a wire may lead to. Errors: EPERM; it did not answer within `limits`.
Result<Inside> look_inside(const netns::NamespaceHandle& target, const netns::Census& census, Depth depth,
                           const Limits& limits = {});

}  // namespace postern::inspect
