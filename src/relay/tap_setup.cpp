#include "postern/relay/tap_setup.h"

#include <fmt/format.h>
#include <net/if.h>

#include <array>
#include <cstdio>

#include "postern/base/file.h"
#include "postern/base/log.h"
#include "postern/base/pretend.h"
#include "postern/netlink/address.h"
#include "postern/netlink/link.h"
#include "postern/netlink/monitor.h"
#include "postern/netlink/route.h"
#include "postern/netns/tap.h"

namespace postern::relay {

namespace {

constexpr unsigned kTxQueueLength = 10'000;  // frames; a full queue drops what the namespace sends, tun does not push back

/// Writes one of net.ipv6.conf.<link>.*, which follow the writer's network namespace. Best effort: /proc/sys may be read-only, or
/// IPv6 off; then the address comes later, or not at all, and the wait for it says so.
void set_ipv6_sysctl(std::string_view link, std::string_view name, std::string_view value) {
  const std::string path = fmt::format("/proc/sys/net/ipv6/conf/{}/{}", link, name);
  if (const Status written = write_file(path, value); !written) log::debug("{}", written.error().message());
}

void prepare_ipv6(const std::string& link) {
  set_ipv6_sysctl(link, "disable_ipv6", "0");
  set_ipv6_sysctl(link, "accept_dad", "0");  // nobody else is on this link: do not wait a second to hear so
  set_ipv6_sysctl(link, "accept_ra", "2");   // also when the namespace forwards, for containers inside it
}

Status configure(netlink::Socket& socket, const netlink::Link& tap, const LinkConfiguration& wanted) {
  POSTERN_TRY(loopback, netlink::find_link(socket, "lo"), "configure lo");
  POSTERN_CHECK(netlink::set_up(socket, loopback.index), "configure lo");
  if (wanted.ipv6) prepare_ipv6(tap.name);
  netlink::LinkSettings settings;
  settings.mtu_bytes = wanted.mtu_bytes;
  settings.mac = wanted.mac;
  settings.tx_queue_len = kTxQueueLength;
  settings.up = true;
  if (wanted.ipv6) settings.address_generation = netlink::LinkSettings::AddressGeneration::eui64;
  const stack::AddressPlan& plan = wanted.addresses;
  POSTERN_CHECK(netlink::configure_link(socket, tap.index, settings), "configure " + tap.name);
  POSTERN_CHECK(netlink::add_address(socket, tap.index, plan.guest(), plan.network.prefix_bits()), "configure " + tap.name);
  POSTERN_CHECK(netlink::add_default_route(socket, tap.index, plan.gateway()), "configure " + tap.name);
  return {};
}

struct Tap {
  UniqueFd fd;
  netns::TapMode mode;
};

/// Of a TAP that was there before, the kernel asks no more than that it is not in use: its framing is whoever's who opens it.
Result<Tap> open_tap(netlink::Socket& socket, const TapPlan& plan) {
  const bool was_there = netlink::find_link(socket, plan.name).has_value();
  if (!pretended_missing("vnet")) {
    auto tap = netns::open_tap(plan.name, netns::TapFraming::vnet);
    const auto granted = tap ? netns::accept_superframes(tap->get(), plan.offload) : Failure(tap.error());
    if (granted) return Tap{std::move(*tap), {netns::TapFraming::vnet, *granted, was_there}};
  }
  auto tap = netns::open_tap(plan.name, netns::TapFraming::bare);
  if (!tap) return Failure(tap.error());
  return Tap{std::move(*tap), {}};
}

struct Opened {
  Tap tap;
  UniqueFd address_watch;
  int link_index;
};

Result<Opened> open_inside(const netns::NamespaceHandle& target, const TapPlan& plan) {
  POSTERN_CHECK(netns::enter(target), "connect");
  POSTERN_TRY(socket, netlink::Socket::open(), "connect");
  POSTERN_TRY(tap, open_tap(socket, plan), "connect");
  POSTERN_TRY(watch, netlink::AddressMonitor::open_socket(), "connect");
  POSTERN_TRY(link, netlink::find_link(socket, plan.name), "connect");
  if (plan.configuration) POSTERN_CHECK(configure(socket, link, *plan.configuration), "connect");
  return Opened{std::move(tap), std::move(watch), link.index};
}

/// What the child says beside its descriptors, in numbers.
std::string words_of(const Opened& opened) {
  const auto& [framing, offload, is_borrowed, mac] = opened.tap.mode;
  return fmt::format("{} {} {} {}", opened.link_index, static_cast<int>(framing), static_cast<int>(offload), int{is_borrowed});
}

/// False: that is not what it was told to say. It was our own process, but in a namespace of others.
bool read_words(const std::string& words, ConnectedTap& tap) {
  int framing = 0, offload = 0, is_borrowed = 0;
  if (std::sscanf(words.c_str(), "%d %d %d %d", &tap.link_index, &framing, &offload, &is_borrowed) != 4) return false;
  if (framing < 0 || framing > static_cast<int>(netns::TapFraming::vnet)) return false;
  if (offload < 0 || offload > static_cast<int>(netns::Offload::tcp_and_udp)) return false;
  tap.mode = {netns::TapFraming{framing}, static_cast<netns::Offload>(offload), is_borrowed != 0, {}};
  return true;
}

int serve(const process::MessageChannel& channel, const netns::NamespaceHandle& target, const TapPlan& plan) {
  const Result<Opened> opened = open_inside(target, plan);
  if (!opened) return process::send_outcome(channel, Failure(opened.error())) ? 0 : 1;
  const std::array descriptors = {opened->tap.fd.get(), opened->address_watch.get()};
  return process::send_outcome(channel, words_of(*opened), descriptors) ? 0 : 1;
}

}  // namespace

Result<PendingTap> PendingTap::begin(const netns::NamespaceHandle& target, const TapPlan& plan) {
  POSTERN_TRY(channels, process::MessageChannel::make_pair(), "connect");
  POSTERN_TRY(child, process::Child::fork(0, [&] { return serve(channels.second, target, plan); }), "connect");
  return PendingTap(std::move(channels.first), std::move(child));  // the child's end closes: its death must reach us as an end
}

Result<ConnectedTap> PendingTap::finish() {
  POSTERN_TRY(answer, process::receive_outcome(channel_), "namespace");
  ConnectedTap connected;
  if (answer.descriptors.size() != 2 || !read_words(answer.text, connected)) return fail("connect: the child sent no TAP");
  connected.tap = std::move(answer.descriptors[0]);
  connected.mode.mac = netns::mac_of(connected.tap.get());
  connected.address_watch = std::move(answer.descriptors[1]);
  return connected;
}

Result<ConnectedTap> connect_tap(const netns::NamespaceHandle& target, const TapPlan& plan) {
  auto pending = PendingTap::begin(target, plan);
  return pending ? pending->finish() : Failure(pending.error());
}

}  // namespace postern::relay
