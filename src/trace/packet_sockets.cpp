// packet_sockets.cpp - one packet socket, bound to no device, and its ring.
//
//   driver ◄─ dev_hard_start_xmit() ◄─┬─ queue            driver ─► netif_receive_skb() ─┬─► the kernel
//                                     └─► a copy: transmit                               └─► a copy: ingress
//
// Trust: packets are hostile; journey::parse_packet alone reads what is in them.
#include "postern/trace/packet_sockets.h"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <algorithm>
#include <ctime>

#include "postern/netns/namespace.h"

#include "frame.h"
#include "packet_ring.h"
#include "protocol_filter.h"

namespace postern::trace {
namespace {

constexpr std::string_view kDoing = "watch the devices";
constexpr size_t kPacketsATurn = 512;   // then others of the loop have theirs
constexpr size_t kCapturedBytes = 128;  // of Event::captured
constexpr int64_t kSecond = 1'000'000'000;

int64_t clock_ns(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

/// Hears nothing until it is bound, so that nothing passes by its filter.
Result<UniqueFd> make_socket(const pf_program& program) {
  UniqueFd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno("open a packet socket");
  std::vector<sock_filter> code = protocol_filter(program, PacketRing::kPacketBytes);
  const sock_fprog attached{static_cast<unsigned short>(code.size()), code.data()};
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof attached) < 0)
    return fail_errno("filter a packet socket");
  return socket;
}

Status listen_everywhere(const UniqueFd& socket) {
  sockaddr_ll everything{};
  everything.sll_family = AF_PACKET;
  everything.sll_protocol = htons(ETH_P_ALL);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&everything), sizeof everything) < 0)
    return fail_errno("bind a packet socket");
  return {};
}

}  // namespace

Result<std::unique_ptr<PacketSockets>> PacketSockets::open(loop::EventLoop& loop, std::shared_ptr<journey::Following> following,
                                                           journey::EventSink sink) {
  POSTERN_TRY(home, netns::identity_of("/proc/thread-self/ns/net"), kDoing);
  POSTERN_TRY(socket, make_socket(following->filter().program()), kDoing);
  POSTERN_TRY(ring, PacketRing::make(socket), kDoing);
  POSTERN_CHECK(listen_everywhere(socket), kDoing);
  std::unique_ptr<PacketSockets> sockets(
      new PacketSockets(std::move(socket), std::make_unique<PacketRing>(std::move(ring)), std::move(following), std::move(sink)));
  sockets->inode_ = home.inode;
  sockets->watch_ = loop.make_source([self = sockets.get()](uint32_t, uint32_t) { (void)self->read_some(); });
  POSTERN_CHECK(sockets->watch_.watch(sockets->socket_.get(), EPOLLIN), kDoing);
  return sockets;
}

PacketSockets::PacketSockets(UniqueFd socket, std::unique_ptr<PacketRing> ring, std::shared_ptr<journey::Following> following,
                             journey::EventSink sink)
    : socket_(std::move(socket)), ring_(std::move(ring)), following_(std::move(following)), sink_(std::move(sink)) {}

PacketSockets::~PacketSockets() = default;

bool PacketSockets::read_some() {
  // The kernel stamps by the clock that may be set; a step of it between the packet and now would carry over, which is rare.
  const int64_t now = clock_ns(CLOCK_MONOTONIC), offset = clock_ns(CLOCK_REALTIME) - now;
  size_t taken = 0;
  for (; taken < kPacketsATurn; ++taken) {
    const auto laid = ring_->next();
    if (!laid) break;
    auto event = event_of(laid->from, laid->bytes);
    ring_->release();
    if (!event) continue;
    event->time_ns = static_cast<uint64_t>(std::max<int64_t>(laid->realtime_ns - offset, 0));
    sink_(*std::move(event));
  }
  return taken > 0;
}

std::optional<journey::Event> PacketSockets::event_of(const sockaddr_ll& from, wire::Bytes bytes) {
  const auto frame = parse_frame(from, bytes);
  if (!frame) return std::nullopt;
  const wire::Bytes captured = frame->packet.first(std::min(frame->packet.size(), kCapturedBytes));
  const auto packet = journey::parse_packet(captured);
  if (!packet || !following_->takes(*packet)) return std::nullopt;
  journey::Event event;
  event.observer = journey::Observer::packet_socket;
  event.point = frame->point;
  event.network.inode = inode_;
  event.device.index = frame->device;
  event.macs = frame->macs;
  event.ethertype = frame->ethertype;
  event.packet = packet;
  event.captured.assign(captured.begin(), captured.end());
  return event;
}

uint64_t PacketSockets::lost() const {
  tpacket_stats counted{};
  socklen_t size = sizeof counted;
  if (::getsockopt(socket_.get(), SOL_PACKET, PACKET_STATISTICS, &counted, &size) == 0) lost_ += counted.tp_drops;
  return lost_;
}

void PacketSockets::drain() {
  // What comes while we read has not happened before: it must not keep us here for ever.
  const int64_t most = clock_ns(CLOCK_MONOTONIC) + kSecond;
  while (read_some() && clock_ns(CLOCK_MONOTONIC) < most) {
  }
}

}  // namespace postern::trace
