// rule_trace.cpp - a socket in the group NFNLGRP_NFTRACE.
#include "postern/netfilter/rule_trace.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace postern::netfilter {
namespace {

// A message takes some 1.3 kB of it: room for the packets of a second or so while somebody else has the processor.
constexpr int kBufferBytes = 16 << 20;

constexpr std::string_view kDoing = "watch what the rules do";

/// Not less than what anybody may have: SO_RCVBUFFORCE is for who has CAP_NET_ADMIN on the host.
void widen(const UniqueFd& socket) {
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kBufferBytes, sizeof kBufferBytes) == 0) return;
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &kBufferBytes, sizeof kBufferBytes);
}

}  // namespace

Result<RuleTrace> RuleTrace::open() {
  UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  if (!socket) return fail_errno(kDoing);
  widen(socket);
  // What is lost is counted by the kernel, SO_MEMINFO; the error that would tell of it stops deliveries until all has been read.
  const int on = 1;
  if (::setsockopt(socket.get(), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on) < 0) return fail_errno(kDoing);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) return fail_errno(kDoing);
  const int group = NFNLGRP_NFTRACE;
  if (::setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0) return fail_errno(kDoing);
  return RuleTrace(std::move(socket));
}

size_t RuleTrace::poll(size_t most, const std::function<void(TraceMessage&&)>& sink) {
  alignas(nlmsghdr) std::array<uint8_t, 16'384> buffer;
  size_t taken = 0;
  while (taken < most) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof from;
    const ssize_t size =
        ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return taken;
    ++taken;
    if (from.nl_pid != 0) continue;  // whoever is root in the namespace may write to us too: only the kernel is listened to
    std::span<const uint8_t> rest(buffer.data(), static_cast<size_t>(size));
    while (rest.size() >= sizeof(nlmsghdr)) {
      nlmsghdr header;
      std::memcpy(&header, rest.data(), sizeof header);
      if (header.nlmsg_len < sizeof header || header.nlmsg_len > rest.size()) break;
      if (auto message = parse_trace_message(rest.first(header.nlmsg_len))) sink(*std::move(message));
      rest = rest.subspan(std::min<size_t>(rest.size(), NLMSG_ALIGN(header.nlmsg_len)));
    }
  }
  return taken;
}

uint64_t RuleTrace::lost() const {
  std::array<uint32_t, SK_MEMINFO_VARS> values{};
  socklen_t size = sizeof values;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_MEMINFO, values.data(), &size) < 0) return 0;
  return values[SK_MEMINFO_DROPS];
}

}  // namespace postern::netfilter
