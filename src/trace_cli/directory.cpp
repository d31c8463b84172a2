#include "directory.h"

namespace postern::trace_cli {

namespace {

/// The kernel has no word for a kind that is built in; lo is one everywhere.
std::string kind_of(const netlink::Link& link) {
  constexpr int kLoopback = 1;  // LOOPBACK_IFINDEX
  return link.kind.empty() && link.index == kLoopback ? "loopback" : link.kind;
}

}  // namespace

void Directory::learn(const netns::Census& census) {
  for (const netns::SeenNamespace& seen : census.namespaces) namespaces_[seen.inode] = netns::short_name(seen);
}

void Directory::learn(uint64_t inode, std::span<const netlink::Link> links) {
  auto& devices = devices_[inode];
  for (const netlink::Link& link : links) devices[link.index] = {link.name, kind_of(link)};
}

void Directory::name(journey::Event& event) const {
  if (const auto found = namespaces_.find(event.network.inode); found != namespaces_.end() && event.network.name.empty()) {
    event.network.name = found->second;
  }
  const auto network = devices_.find(event.network.inode);
  if (network == devices_.end()) return;
  const auto device = network->second.find(event.device.index);
  if (device == network->second.end()) return;
  if (event.device.name.empty()) event.device.name = device->second.name;
  if (event.device.kind.empty()) event.device.kind = device->second.kind;
}

bool Directory::knows_namespace(const journey::Event& event) const {
  return event.network.inode == 0 || !event.network.name.empty() || namespaces_.contains(event.network.inode);
}

bool Directory::knows_device(const journey::Event& event) const {
  if (event.network.inode == 0 || event.device.index == 0) return true;
  const auto network = devices_.find(event.network.inode);
  return network != devices_.end() && network->second.contains(event.device.index);
}

}  // namespace postern::trace_cli
