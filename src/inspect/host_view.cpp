#include "postern/inspect/host_view.h"

#include <algorithm>

namespace postern::inspect {

const NamespaceView* find(const HostView& host, ino_t netns) {
  const auto found = std::ranges::find(host.namespaces, netns, &NamespaceView::inode);
  return found == host.namespaces.end() ? nullptr : &*found;
}

const DeviceView* find(const HostView& host, const WireEnd& end) {
  const NamespaceView* home = find(host, end.netns);
  if (!home) return nullptr;
  const auto found = std::ranges::find(home->devices, end.device, &DeviceView::index);
  return found == home->devices.end() ? nullptr : &*found;
}

}  // namespace postern::inspect
