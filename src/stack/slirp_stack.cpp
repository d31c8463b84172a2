// slirp_stack.cpp - libslirp's callbacks and configuration. Everything glib-like stays in this file.
//
// We ask for configuration version 3 (disable_dns): from version 5 on libslirp wants fields and, from 6, callbacks that Debian 12
// does not know. Emulation, TFTP and boot files stay off: they are where its security history lies.
#include "postern/stack/slirp_stack.h"

#include <glib.h>
#include <libslirp.h>
#include <net/ethernet.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "postern/base/log.h"
#include "postern/base/socket_address.h"
#include "postern/base/text.h"

#include "connection_text.h"
#include "slirp_descriptors.h"

namespace postern::stack {

namespace {

constexpr uint32_t kConfigVersion = 3;

void log_glib(const gchar*, GLogLevelFlags, const gchar* message, gpointer) { log::debug("libslirp: {}", message); }

std::optional<Endpoint> endpoint(const SocketAddress& name) {
  const auto address = name.address();
  return address ? std::optional(Endpoint{*address, name.port()}) : std::nullopt;
}

SocketEnds ends_of(int fd) {
  SocketEnds ends;
  if (fd < 0) return ends;
  SocketAddress local, peer;
  if (::getsockname(fd, local.get(), local.room()) == 0) ends.local = endpoint(local);
  if (::getpeername(fd, peer.get(), peer.room()) == 0) ends.peer = endpoint(peer);
  return ends;
}

int forward_flags(const Forward& forward) {
  const int udp = forward.protocol == Protocol::udp ? SLIRP_HOSTFWD_UDP : 0;
  const int v6_only = std::holds_alternative<Ipv6>(forward.host_address) ? SLIRP_HOSTFWD_V6ONLY : 0;
  return udp | v6_only;
}

SlirpConfig to_slirp(const StackConfig& config, sockaddr_in& outbound4, sockaddr_in6& outbound6) {
  SlirpConfig slirp{};
  slirp.version = kConfigVersion;
  slirp.in_enabled = true;
  slirp.vnetwork = config.addresses.network.network().to_wire();
  slirp.vnetmask = config.addresses.network.mask().to_wire();
  slirp.vhost = config.addresses.gateway().to_wire();
  slirp.vdhcp_start = config.addresses.dhcp_start().to_wire();
  slirp.vnameserver = config.addresses.dns().to_wire();
  slirp.in6_enabled = config.ipv6;
  slirp.vprefix_addr6 = AddressPlan::prefix6().to_wire();
  slirp.vprefix_len = AddressPlan::kPrefixBits6;
  slirp.vhost6 = AddressPlan::gateway6().to_wire();
  slirp.vnameserver6 = AddressPlan::dns6().to_wire();
  slirp.if_mtu = slirp.if_mru = config.mtu_bytes;
  slirp.disable_host_loopback = config.host_loopback == HostLoopback::closed;
  slirp.disable_dns = config.dns == Dns::ordinary;
  if (config.outbound4) {
    outbound4.sin_family = AF_INET;
    outbound4.sin_addr = config.outbound4->to_wire();
    slirp.outbound_addr = &outbound4;
  }
  if (config.outbound6) {
    outbound6.sin6_family = AF_INET6;
    outbound6.sin6_addr = config.outbound6->to_wire();
    slirp.outbound_addr6 = &outbound6;
  }
  return slirp;
}

/// ARP and ICMPv6. What waits in libslirp for a neighbour's address is sent when it is next polled, and not before.
bool is_neighbour_traffic(std::span<const uint8_t> frame) {
  constexpr size_t kType = 12, kNextHeader = 20;  // IEEE 802.3; RFC 8200 3
  if (frame.size() <= kNextHeader) return false;
  const int type = frame[kType] << 8 | frame[kType + 1];
  return type == ETHERTYPE_ARP || (type == ETHERTYPE_IPV6 && frame[kNextHeader] == IPPROTO_ICMPV6);
}

struct SlirpTimer {
  loop::EventLoop::Timer timer;
};

/// libslirp counts nothing; the socket does.
void add_what_kernel_knows(Flow& flow, int socket) {
  const auto known = flow.protocol == Flow::Protocol::tcp ? ask_kernel(socket) : std::nullopt;
  if (!known) return;
  flow.carried_to_guest = known->received;
  flow.carried_to_remote = known->sent;
  flow.rtt_remote = known->round_trip;
}

}  // namespace

/// What libslirp calls; `opaque` is the SlirpStack. Nothing here throws across C.
struct SlirpCallbacks {
  static SlirpStack& self(void* opaque) { return *static_cast<SlirpStack*>(opaque); }

  static ssize_t send_packet(const void* frame, size_t size, void* opaque) {
    self(opaque).sink_.frame_to_guest({static_cast<const uint8_t*>(frame), size});
    return static_cast<ssize_t>(size);
  }
  static void guest_error(const char* message, void*) { log::debug("libslirp: guest: {}", message); }
  static int64_t clock_get_ns(void*) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
  }
  static void* timer_new(SlirpTimerCb expired, void* argument, void* opaque) {
    SlirpStack& stack = self(opaque);
    return new SlirpTimer{loop::EventLoop::Timer(stack.loop_, [&stack, expired, argument] {
      stack.is_touched_ = true;
      expired(argument);
    })};
  }
  static void timer_free(void* timer, void*) { delete static_cast<SlirpTimer*>(timer); }
  static void timer_mod(void* timer, int64_t deadline_ms, void*) {
    static_cast<SlirpTimer*>(timer)->timer.set(TimePoint(std::chrono::milliseconds(deadline_ms)));
  }
  static void register_poll_fd(int fd, void* opaque) { self(opaque).descriptors_->opened(fd); }
  static void unregister_poll_fd(int fd, void* opaque) { self(opaque).descriptors_->closing(fd); }
  static void notify(void*) {}  // only from another thread would the loop need waking
  static int add_poll(int fd, int events, void* opaque) { return self(opaque).descriptors_->want(fd, events); }
  static int get_revents(int index, void* opaque) { return self(opaque).descriptors_->take_ready(index); }

  static constexpr SlirpCb kTable = {
      .send_packet = send_packet,
      .guest_error = guest_error,
      .clock_get_ns = clock_get_ns,
      .timer_new = timer_new,
      .timer_free = timer_free,
      .timer_mod = timer_mod,
      .register_poll_fd = register_poll_fd,
      .unregister_poll_fd = unregister_poll_fd,
      .notify = notify,
      .init_completed = nullptr,
      .timer_new_opaque = nullptr,
  };
};

SlirpStack::SlirpStack(const StackConfig& config, loop::EventLoop& loop, FrameSink& sink)
    : sink_(sink), loop_(loop), descriptors_(std::make_unique<SlirpDescriptors>(loop, config.max_flows)) {
  const SlirpConfig slirp = to_slirp(config, outbound4_, outbound6_);
  slirp_ = ::slirp_new(&slirp, &SlirpCallbacks::kTable, this);
}

Result<std::unique_ptr<SlirpStack>> SlirpStack::create(const StackConfig& config, loop::EventLoop& loop, FrameSink& sink) {
  ::g_log_set_default_handler(log_glib, nullptr);
  std::unique_ptr<SlirpStack> stack(new SlirpStack(config, loop, sink));
  if (!stack->slirp_) return fail("libslirp refused its configuration (--verbose tells why)");
  return stack;
}

SlirpStack::~SlirpStack() {
  if (slirp_) ::slirp_cleanup(slirp_);
}

void SlirpStack::input(std::span<const uint8_t> frame) {
  if (served_at_ != loop_.now()) serve();
  answer_may_be_awaited_ |= is_neighbour_traffic(frame);
  ::slirp_input(slirp_, frame.data(), static_cast<int>(frame.size()));
  is_touched_ = true;
}

std::optional<Duration> SlirpStack::prepare() {
  if (std::exchange(is_touched_, false)) {
    uint32_t timeout_ms = UINT32_MAX;
    descriptors_->begin_round();
    ::slirp_pollfds_fill(slirp_, &timeout_ms, SlirpCallbacks::add_poll, this);
    descriptors_->end_round();
    // Without a socket there is one timer, for router advertisements, and that is in the loop.
    deadline_.reset();
    if (open_flows() != 0) deadline_ = loop_.now() + std::chrono::milliseconds(timeout_ms);
    if (std::exchange(answer_may_be_awaited_, false)) deadline_ = loop_.now();
  }
  if (!deadline_) return std::nullopt;
  return std::max(*deadline_ - Clock::now(), Duration::zero());
}

void SlirpStack::process() {
  const bool is_due = deadline_ && loop_.now() >= *deadline_;
  if (is_touched_ || is_due || descriptors_->has_events()) serve();
}

void SlirpStack::serve() {
  ::slirp_pollfds_poll(slirp_, 0, SlirpCallbacks::get_revents, this);
  descriptors_->rest_listeners_that_cannot_accept();
  served_at_ = loop_.now();
  is_touched_ = true;
}

Status SlirpStack::add_forward(const Forward& forward) {
  is_touched_ = true;
  const SocketAddress host(forward.host_address, forward.host_port);
  const SocketAddress guest(forward.guest_address, forward.guest_port);
  errno = 0;
  const int rc = ::slirp_add_hostxfwd(slirp_, host.get(), host.size(), guest.get(), guest.size(), forward_flags(forward));
  if (rc < 0)
    return fail_errno("listen on", fmt::format("{} port {}", to_string(forward.host_address), forward.host_port.number));
  return {};
}

Status SlirpStack::remove_forward(const Forward& forward) {
  is_touched_ = true;
  const SocketAddress host(forward.host_address, forward.host_port);
  descriptors_->forget_listeners();
  const int rc = ::slirp_remove_hostxfwd(slirp_, host.get(), host.size(), forward_flags(forward));
  return rc < 0 ? Status(fail("no such port is published")) : Status();
}

size_t SlirpStack::open_flows() const { return descriptors_->open_flows(); }

Flows SlirpStack::flows(size_t most) const {
  const std::unique_ptr<char, decltype(&::g_free)> table(::slirp_connection_info(slirp_), ::g_free);
  std::string_view rest = table.get();
  Flows found;
  while (!rest.empty()) {
    const auto line = parse_connection_line(take_line(rest));
    const bool told = found.flows.size() < most;
    auto flow = line ? to_flow(*line, told ? ends_of(line->fd) : SocketEnds{}) : std::nullopt;
    if (!flow) continue;
    ++found.total;
    if (!told) continue;
    add_what_kernel_knows(*flow, line->fd);
    found.flows.push_back(*std::move(flow));
  }
  return found;
}

std::string slirp_version() { return ::slirp_version_string(); }

}  // namespace postern::stack
