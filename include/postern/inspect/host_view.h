// host_view.h - all the network namespaces that can be seen, and the wires between them, as data.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "postern/inspect/namespace_view.h"

namespace postern::inspect {

/// A device: of which namespace, and which. Both are looked up in HostView::namespaces.
struct WireEnd {
  ino_t netns = 0;
  int device = 0;  // its index there
  bool operator==(const WireEnd&) const = default;
};

/// What joins two devices, or a device and the program that plays its other end.
struct Wire {
  enum class Kind {
    veth,  // two devices, in two namespaces or in one
    port,  // `one` is a port of the bridge (bond, VRF) `other`, in the same namespace
    over,  // `one` (VLAN, macvlan, ...) rides on `other`
    tap,   // `one` is a TUN or TAP, at whose other end is `program`
  } kind = Kind::veth;
  WireEnd one;
  std::optional<WireEnd> other;    // none: in a namespace that cannot be seen; of a TAP always
  std::optional<Program> program;  // of a TAP, where it is readable; it lives in a namespace of its own: program_netns
  ino_t program_netns = 0;         // 0: not known
};

struct HostView {
  std::string host;                       // uname(2)'s node name
  std::string kernel;                     // uname(2)'s release
  std::vector<NamespaceView> namespaces;  // the host's first; of one that could not be entered only who it is, and `unread`
  std::vector<Wire> wires;                // each once
  std::vector<std::string> unread;        // what could not be seen of the host: other users' processes, ...
};

/// Nothing: it is not among them.
const NamespaceView* find(const HostView& host, ino_t netns);
const DeviceView* find(const HostView& host, const WireEnd& end);

}  // namespace postern::inspect
