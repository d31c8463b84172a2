#include "testimony.h"

#include <net/if.h>

#include <algorithm>
#include <array>

namespace postern::trace {
namespace {

using journey::Event, journey::Point;

constexpr std::array kPoints = {Point::tap_in, Point::engine, Point::host_socket, Point::tap_out, Point::drop};
constexpr size_t kMostCaptured = 128;  // as with every observer
constexpr size_t kMostText = 128;      // of a drop's reason, of an engine's name

/// A kernel's address is above all of these, the id of a rule's message below: no other observer, and no other process, has it.
uint64_t identity_of(uint64_t said, pid_t pid) {
  constexpr unsigned kBits = 40;
  constexpr uint64_t kMask = (uint64_t{1} << kBits) - 1;
  return said == 0 ? 0 : static_cast<uint64_t>(pid) << kBits | (said & kMask);
}

/// What a namespace is called is known to us. Its own TAP a relay knows by name, and whoever holds the namespace names it anyway.
void keep_places(Event& event, const InstanceStream::Speaker& speaker) {
  const uint64_t inode = event.network.inode;
  const bool is_its_own = inode == speaker.guest_inode || inode == speaker.own_inode;
  event.network = {.inode = is_its_own ? inode : 0, .name = {}};
  const bool is_tap = event.point == Point::tap_in || event.point == Point::tap_out;
  if (!is_tap || inode != speaker.guest_inode) event.device = {};
  event.device.name.resize(std::min<size_t>(event.device.name.size(), IFNAMSIZ - 1));
  event.device.kind = event.device.name.empty() ? "" : "tun";
}

}  // namespace

std::optional<Event> testimony(Event event, const InstanceStream::Speaker& speaker, uint64_t now_ns) {
  if (std::find(kPoints.begin(), kPoints.end(), event.point) == kPoints.end()) return std::nullopt;
  event.observer = journey::Observer::relay;
  event.time_ns = std::min(std::max(event.time_ns, speaker.since_ns), now_ns);
  event.identity = identity_of(event.identity, speaker.pid);
  keep_places(event, speaker);
  if (event.process) event.process = {.pid = speaker.pid, .name = speaker.name};
  event.process_is_bystander = false;
  event.conntrack.reset();
  event.rule.reset();
  if (event.point != Point::drop) event.drop.reset();
  if (event.drop) {
    event.drop->reason.resize(std::min(event.drop->reason.size(), kMostText));
    event.drop->where.resize(std::min(event.drop->where.size(), kMostText));
  }
  if (event.point != Point::host_socket) event.mapping.reset();
  event.engine.resize(event.point == Point::engine ? std::min(event.engine.size(), kMostText) : 0);
  event.captured.resize(std::min(event.captured.size(), kMostCaptured));
  return event;
}

}  // namespace postern::trace
