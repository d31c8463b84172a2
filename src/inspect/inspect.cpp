// inspect.cpp - what children saw inside, joined with what only we can know: names, programs, the other ends of wires.
#include "postern/inspect/inspect.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <set>

#include "inside.h"
#include "open_files.h"
#include "wires.h"

namespace postern::inspect {

namespace {

constexpr std::chrono::seconds kForAll{60};

void name(NamespaceView& view, const netns::Census& census) {
  const netns::SeenNamespace* seen = census.find(view.inode);
  if (!seen) {
    view.name = netns::short_name({.inode = view.inode, .names = {}, .resident = {}, .path = {}});
    return;
  }
  view.name = netns::short_name(*seen);
  view.names = seen->names;
  if (seen->resident) view.resident = Program{seen->resident->pid, seen->resident->name};
  view.is_own = seen->is_own;
  view.is_host = seen->is_host;
}

void add_programs(Inside& inside, const OpenFiles& files) {
  NamespaceView& view = inside.view;
  size_t nameless = 0;
  for (size_t i = 0; i < view.listeners.size() && i < inside.listener_inodes.size(); ++i) {
    const auto found = files.sockets.find(inside.listener_inodes[i]);
    if (found != files.sockets.end()) view.listeners[i].programs = found->second;
    nameless += view.listeners[i].programs.empty();
  }
  name_holders(view, files.taps);
  for (const DeviceView& device : view.devices) {
    if (files.unreadable == 0 || !is_tun(device) || !device.holders.empty()) continue;
    view.unread.push_back(
        fmt::format("who holds {}: {} processes may not be looked into (CAP_SYS_PTRACE)", device.name, files.unreadable));
  }
  if (nameless > 0 && files.unreadable > 0) {
    view.unread.push_back(
        fmt::format("programs of {} of {} listening sockets: {} processes may not be looked into (CAP_SYS_PTRACE)", nameless,
                    view.listeners.size(), files.unreadable));
  }
}

/// The namespaces that devices of `view` lead to, as much of them as names those; and itself.
std::vector<NamespaceView> look_around(const NamespaceView& view, const netns::Census& census) {
  std::vector<NamespaceView> around = {view};
  std::set<ino_t> inodes;
  for (const DeviceView& device : view.devices) {
    if (device.peer && device.peer->netns != view.inode) inodes.insert(device.peer->netns);
  }
  const Patience patience(kForAll);
  for (const ino_t inode : inodes) {
    const Limits limits = patience.next();
    const netns::SeenNamespace* seen = census.find(inode);
    const auto handle = seen && limits.time.count() > 0 ? netns::open_seen(*seen) : Failure(Error{});
    if (!handle) continue;
    auto inside = look_inside(*handle, census, Depth::devices, limits);
    NamespaceView& there = around.emplace_back();
    if (inside) there = std::move(inside->view);
    there.inode = inode;
    name(there, census);
  }
  return around;
}

/// Who it is, and why no more is known.
NamespaceView closed_view(const netns::SeenNamespace& seen, const netns::Census& census, const Error& error) {
  NamespaceView view;
  view.inode = seen.inode;
  name(view, census);
  view.unread.push_back(fmt::format("all of it: {}", error.message()));
  return view;
}

NamespaceView view_of(const netns::SeenNamespace& seen, const netns::Census& census, const OpenFiles& files,
                      const Limits& limits) {
  if (limits.time.count() <= 0) return closed_view(seen, census, Error{{}, "the time for all namespaces is used up"});
  const auto handle = netns::open_seen(seen);
  if (!handle) return closed_view(seen, census, handle.error());
  auto inside = look_inside(*handle, census, Depth::whole, limits);
  if (!inside) return closed_view(seen, census, inside.error());
  name(inside->view, census);
  add_programs(*inside, files);
  return std::move(inside->view);
}

}  // namespace

Result<NamespaceView> inspect_namespace(const netns::NamespaceHandle& target, const netns::Census& census) {
  auto inside = look_inside(target, census, Depth::whole);
  if (!inside) return Failure(inside.error());
  name(inside->view, census);
  add_programs(*inside, read_open_files());
  name_peers(inside->view, look_around(inside->view, census));
  return std::move(inside->view);
}

HostView inspect_host(const netns::Census& census) {
  HostView host;
  utsname system{};
  if (::uname(&system) == 0) {
    host.host = system.nodename;
    host.kernel = system.release;
  }
  const OpenFiles files = read_open_files();
  const Patience patience(kForAll);
  for (const netns::SeenNamespace& seen : census.namespaces) {
    host.namespaces.push_back(view_of(seen, census, files, patience.next()));
  }
  for (NamespaceView& view : host.namespaces) {
    const std::vector<NamespaceView>& all = host.namespaces;
    name_peers(view, all);
  }
  host.wires = wires_between(host.namespaces, files.taps);
  if (census.unreadable > 0) {
    host.unread.push_back(
        fmt::format("the namespaces of {} processes, which are other users' (CAP_SYS_PTRACE shows them)", census.unreadable));
  }
  return host;
}

}  // namespace postern::inspect
