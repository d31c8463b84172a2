#include "wires.h"

#include <algorithm>

namespace postern::inspect {

namespace {

const DeviceView* find_device(const std::vector<NamespaceView>& namespaces, const WireEnd& end) {
  const auto home = std::ranges::find(namespaces, end.netns, &NamespaceView::inode);
  if (home == namespaces.end()) return nullptr;
  const auto device = std::ranges::find(home->devices, end.device, &DeviceView::index);
  return device == home->devices.end() ? nullptr : &*device;
}

bool is_tun(const DeviceView& device) { return device.kind == "tap" || device.kind == "tun"; }

bool is_of(const OpenTap& tap, const NamespaceView& view, const DeviceView& device, const std::vector<OpenTap>& taps) {
  if (tap.device != device.name) return false;
  if (tap.device_netns != 0) return tap.device_netns == view.inode;
  return std::ranges::count(taps, tap.device, &OpenTap::device) == 1;
}

/// A veth or what a device rides on; of a pair, both of whose ends are seen, the lesser end tells.
void add_peer(const NamespaceView& view, const DeviceView& device, const std::vector<NamespaceView>& all,
              std::vector<Wire>& wires) {
  if (!device.peer) return;
  const WireEnd one{view.inode, device.index}, other{device.peer->netns, device.peer->index};
  const bool seen = find_device(all, other) != nullptr;
  const auto rank = [](const WireEnd& end) { return std::pair(end.netns, end.device); };
  if (is_pair(device) && seen && rank(other) < rank(one)) return;
  wires.push_back({.kind = is_pair(device) ? Wire::Kind::veth : Wire::Kind::over,
                   .one = one,
                   .other = seen ? std::optional(other) : std::nullopt,
                   .program = {}});
}

void add_port(const NamespaceView& view, const DeviceView& device, std::vector<Wire>& wires) {
  if (device.master.empty()) return;
  const auto bridge = std::ranges::find(view.devices, device.master, &DeviceView::name);
  if (bridge == view.devices.end()) return;
  wires.push_back(
      {.kind = Wire::Kind::port, .one = {view.inode, device.index}, .other = WireEnd{view.inode, bridge->index}, .program = {}});
}

void add_taps(const NamespaceView& view, const DeviceView& device, const std::vector<OpenTap>& taps, std::vector<Wire>& wires) {
  if (!is_tun(device)) return;
  Wire wire{.kind = Wire::Kind::tap, .one = {view.inode, device.index}, .other = {}, .program = {}};
  for (const Program& holder : device.holders) {
    const auto tap = std::ranges::find(taps, holder.pid, [](const OpenTap& open) { return open.program.pid; });
    wire.program = holder;
    wire.program_netns = tap == taps.end() ? 0 : tap->program_netns;
    wires.push_back(wire);
  }
  if (device.holders.empty()) wires.push_back(wire);
}

}  // namespace

bool is_pair(const DeviceView& device) { return device.kind == "veth" || device.kind == "netkit" || device.kind == "vxcan"; }

void name_peers(NamespaceView& view, const std::vector<NamespaceView>& namespaces) {
  for (DeviceView& device : view.devices) {
    if (!device.peer) continue;
    const auto home = std::ranges::find(namespaces, device.peer->netns, &NamespaceView::inode);
    if (home == namespaces.end()) continue;
    device.peer->namespace_name = home->name;
    if (const DeviceView* there = find_device(namespaces, {device.peer->netns, device.peer->index}))
      device.peer->name = there->name;
  }
}

void name_holders(NamespaceView& view, const std::vector<OpenTap>& taps) {
  for (DeviceView& device : view.devices) {
    if (!is_tun(device)) continue;
    for (const OpenTap& tap : taps) {
      const bool known = std::ranges::find(device.holders, tap.program.pid, &Program::pid) != device.holders.end();
      if (!known && is_of(tap, view, device, taps)) device.holders.push_back(tap.program);
    }
  }
}

std::vector<Wire> wires_between(const std::vector<NamespaceView>& namespaces, const std::vector<OpenTap>& taps) {
  std::vector<Wire> wires;
  for (const NamespaceView& view : namespaces) {
    for (const DeviceView& device : view.devices) {
      add_peer(view, device, namespaces, wires);
      add_port(view, device, wires);
      add_taps(view, device, taps, wires);
    }
  }
  return wires;
}

}  // namespace postern::inspect
