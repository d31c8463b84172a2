#include "postern/flow/datagram_sockets.h"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "postern/base/log.h"
#include "postern/base/socket_address.h"

#include "receive_slots.h"

namespace postern::flow {

namespace {

constexpr int kBufferBytes = 4 << 20;  // as much of it as net.core.rmem_max and wmem_max allow: a burst must fit

template <class T>
int set_option(int socket, int level, int name, const T& value) {
  return ::setsockopt(socket, level, name, &value, sizeof value);
}

union Name {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

socklen_t store(Name& name, const HostEndpoint& end) {
  if (const auto* v4 = std::get_if<Ipv4>(&end.address)) {
    name.v4 = {.sin_family = AF_INET, .sin_port = htons(end.port.number), .sin_addr = v4->to_wire(), .sin_zero = {}};
    return sizeof name.v4;
  }
  name.v6 = {.sin6_family = AF_INET6,
             .sin6_port = htons(end.port.number),
             .sin6_flowinfo = 0,
             .sin6_addr = std::get<Ipv6>(end.address).to_wire(),
             .sin6_scope_id = end.scope};
  return sizeof name.v6;
}

std::optional<HostEndpoint> load(const Name& name, socklen_t size) {
  if (size >= sizeof name.v4 && name.any.sa_family == AF_INET) {
    return HostEndpoint{Ipv4::from_wire(name.v4.sin_addr), Port{ntohs(name.v4.sin_port)}};
  }
  if (size >= sizeof name.v6 && name.any.sa_family == AF_INET6) {
    return HostEndpoint{Ipv6::from_wire(name.v6.sin6_addr), Port{ntohs(name.v6.sin6_port)}, name.v6.sin6_scope_id};
  }
  return std::nullopt;
}

template <class T>
void append_control(msghdr& message, int level, int type, const T& value) {
  auto* const header = reinterpret_cast<cmsghdr*>(static_cast<uint8_t*>(message.msg_control) + message.msg_controllen);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof value);
  std::memcpy(CMSG_DATA(header), &value, sizeof value);
  message.msg_controllen += CMSG_SPACE(sizeof value);
}

template <class T>
T control_of(const cmsghdr& header) {
  T value{};
  std::memcpy(&value, CMSG_DATA(&header), sizeof value);
  return value;
}

/// How large the datagrams are that the kernel has put together, and which address they came to. A group's is none to answer
/// from.
void read_control(msghdr& message, DatagramHost::Incoming& datagram) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == SOL_UDP && header->cmsg_type == UDP_GRO) {
      datagram.segment_bytes = static_cast<size_t>(std::max(control_of<int>(*header), 0));
    } else if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      datagram.to = Ipv4::from_wire(control_of<in_pktinfo>(*header).ipi_spec_dst);
    } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      const in6_addr to = control_of<in6_pktinfo>(*header).ipi6_addr;
      if (!IN6_IS_ADDR_MULTICAST(&to)) datagram.to = Ipv6::from_wire(to);
    }
  }
}

void append_source(msghdr& message, const IpAddress& from) {
  if (const auto* v4 = std::get_if<Ipv4>(&from)) {
    append_control(message, IPPROTO_IP, IP_PKTINFO, in_pktinfo{.ipi_ifindex = 0, .ipi_spec_dst = v4->to_wire(), .ipi_addr = {}});
  } else {
    append_control(message, IPPROTO_IPV6, IPV6_PKTINFO,
                   in6_pktinfo{.ipi6_addr = std::get<Ipv6>(from).to_wire(), .ipi6_ifindex = 0});
  }
}

/// In the words of ICMP. Nothing: no router said it, and it means nothing to who is inside.
std::optional<wire::IcmpError> error_in(const sock_extended_err& said, bool is_v4) {
  constexpr uint8_t kUnreachable4 = 3, kFragmentationNeeded4 = 4, kTooBig6 = 2, kParameter6 = 4;
  const bool is_icmp = said.ee_origin == SO_EE_ORIGIN_ICMP || said.ee_origin == SO_EE_ORIGIN_ICMP6;
  if (!is_icmp) {
    const bool is_too_big = said.ee_origin == SO_EE_ORIGIN_LOCAL && said.ee_errno == EMSGSIZE;
    if (!is_too_big) return std::nullopt;
    return is_v4 ? wire::IcmpError{kUnreachable4, kFragmentationNeeded4, said.ee_info & 0xffff}
                 : wire::IcmpError{kTooBig6, 0, said.ee_info};
  }
  if (is_v4) {
    const bool has_mtu = said.ee_type == kUnreachable4 && said.ee_code == kFragmentationNeeded4;
    return wire::IcmpError{said.ee_type, said.ee_code, has_mtu ? said.ee_info & 0xffff : 0};
  }
  const bool has_rest = said.ee_type == kTooBig6 || said.ee_type == kParameter6;
  return wire::IcmpError{said.ee_type, said.ee_code, has_rest ? said.ee_info : 0};
}

const sock_extended_err* find_error(msghdr& message) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    const bool v4 = header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_RECVERR;
    const bool v6 = header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_RECVERR;
    if (v4 || v6) return reinterpret_cast<const sock_extended_err*>(CMSG_DATA(header));
  }
  return nullptr;
}

std::optional<IpAddress> offender_of(const sock_extended_err& said) {
  const sockaddr* const offender = SO_EE_OFFENDER(&said);
  Name name{};
  const bool v4 = offender->sa_family == AF_INET, v6 = offender->sa_family == AF_INET6;
  if (!v4 && !v6) return std::nullopt;
  std::memcpy(&name, offender, v4 ? sizeof name.v4 : sizeof name.v6);
  const auto end = load(name, sizeof name);
  return end ? std::optional(end->address) : std::nullopt;
}

DatagramEngine::Readiness to_readiness(uint32_t events) {
  return {.readable = (events & EPOLLIN) != 0, .failed = (events & EPOLLERR) != 0};
}

}  // namespace

/// What sendmmsg(2) or recvmmsg(2) is called with.
struct DatagramSockets::Messages {
  static constexpr size_t kMost = 64;
  static constexpr size_t kControlBytes = 96;  // two numbers and an address

  std::array<mmsghdr, kMost> headers{};
  std::array<Name, kMost> names{};
  std::array<iovec, kMost> rooms{};
  struct alignas(cmsghdr) Control {
    std::array<uint8_t, kControlBytes> bytes;
  };
  std::array<Control, kMost> controls{};
};

DatagramSockets::DatagramSockets(loop::EventLoop& loop, DatagramSocketsConfig config)
    : config_(std::move(config)),
      source_(loop.make_source([this](uint32_t token, uint32_t events) { config_.ready(token, to_readiness(events)); })),
      outgoing_(std::make_unique<Messages>()),
      incoming_(std::make_unique<Messages>()),
      slots_(std::make_unique<ReceiveSlots>()) {}

DatagramSockets::~DatagramSockets() = default;

int DatagramSockets::make_socket(const DatagramEnds& ends) {
  const int family = family_of(ends.key.guest);
  const int echo = family == AF_INET ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
  const int socket = ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, ends.kind == DatagramKind::echo ? echo : 0);
  if (socket >= 0) return socket;
  const int error = errno;
  if (ends.kind == DatagramKind::echo && error == EACCES && !std::exchange(has_told_of_ping_, true)) {
    log::warning(
        "ping reaches nobody outside: net.ipv4.ping_group_range leaves your group out (postern doctor tells what to do)");
  }
  return -error;
}

/// 0, or an errno. An outbound address that the host has lost is a network that cannot be reached.
int DatagramSockets::bind_outbound(int socket, const DatagramEnds& ends) const {
  const auto own = outbound_towards(ends.key.remote, config_.outbound4, config_.outbound6);
  constexpr uint16_t kFirstUnprivileged = 1024;  // however many of them the host gives away
  const bool wants_port =
      config_.host_port == HostPort::same && ends.kind == DatagramKind::udp && ends.key.guest_port.number >= kFirstUnprivileged;
  if (!own && !wants_port) return 0;
  const IpAddress address = own.value_or(ends.key.is_v4() ? IpAddress(Ipv4{}) : IpAddress(Ipv6{}));
  if (wants_port) {
    const SocketAddress same(address, ends.key.guest_port);
    if (::bind(socket, same.get(), same.size()) == 0) return 0;
  }
  if (!own) return 0;
  const SocketAddress any(address, {});
  if (::bind(socket, any.get(), any.size()) == 0) return 0;
  return errno == EADDRNOTAVAIL ? ENETUNREACH : errno;
}

DatagramHost::Opening DatagramSockets::open(const DatagramEnds& ends, const HostEndpoint& to, uint32_t token) {
  const int made = make_socket(ends);
  if (made < 0) return {.socket = -1, .error = -made};
  UniqueFd socket(made);
  if (!ends.key.is_v4()) set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (const int error = bind_outbound(socket.get(), ends)) return {.socket = -1, .error = error};
  if (ends.kind == DatagramKind::echo) {
    Name name{};
    const socklen_t size = store(name, to);
    if (::connect(socket.get(), &name.any, size) != 0) return {.socket = -1, .error = errno};
  }
  if (!watch(socket.get(), token)) return {.socket = -1, .error = ENOBUFS};
  return {.socket = socket.release()};
}

Status DatagramSockets::adopt(int socket, uint32_t token) {
  set_option(socket, IPPROTO_IP, IP_PKTINFO, 1);
  set_option(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);  // whichever family it is of takes its own
  return watch(socket, token);
}

Status DatagramSockets::watch(int socket, uint32_t token) {
  set_option(socket, SOL_SOCKET, SO_RCVBUF, kBufferBytes);
  set_option(socket, SOL_SOCKET, SO_SNDBUF, kBufferBytes);
  set_option(socket, IPPROTO_IP, IP_RECVERR, 1);
  set_option(socket, IPPROTO_IPV6, IPV6_RECVERR, 1);
  set_option(socket, SOL_UDP, UDP_GRO, 1);
  return source_.watch(socket, EPOLLIN | EPOLLET, token);
}

void DatagramSockets::close(int socket) { ::close(socket); }  // which takes it out of the epoll set too

int DatagramSockets::send(int socket, std::span<const Outgoing> datagrams) {
  Messages& messages = *outgoing_;
  const size_t count = std::min(datagrams.size(), Messages::kMost);
  for (size_t i = 0; i < count; ++i) {
    const Outgoing& datagram = datagrams[i];
    msghdr& message = messages.headers[i].msg_hdr;
    message.msg_name = &messages.names[i];
    message.msg_namelen = store(messages.names[i], datagram.to);
    message.msg_iov = const_cast<iovec*>(datagram.payload.data());
    message.msg_iovlen = datagram.payload.size();
    message.msg_control = messages.controls[i].bytes.data();
    message.msg_controllen = 0;
    if (datagram.segment_bytes != 0) append_control(message, SOL_UDP, UDP_SEGMENT, static_cast<uint16_t>(datagram.segment_bytes));
    if (datagram.hop_limit) {
      const bool v4 = std::holds_alternative<Ipv4>(datagram.to.address);
      append_control(message, v4 ? int{IPPROTO_IP} : int{IPPROTO_IPV6}, v4 ? IP_TTL : IPV6_HOPLIMIT, int{*datagram.hop_limit});
    }
    if (datagram.from) append_source(message, *datagram.from);
  }
  const int sent = ::sendmmsg(socket, messages.headers.data(), static_cast<unsigned>(count), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? -errno : sent;
}

DatagramHost::Batch DatagramSockets::receive(int socket) {
  Messages& messages = *incoming_;
  for (size_t i = 0; i < ReceiveSlots::kSlots; ++i) {
    const wire::MutableBytes room = (*slots_)[i];
    messages.rooms[i] = {room.data(), room.size()};
    messages.headers[i].msg_hdr = {.msg_name = &messages.names[i],
                                   .msg_namelen = sizeof(Name),
                                   .msg_iov = &messages.rooms[i],
                                   .msg_iovlen = 1,
                                   .msg_control = messages.controls[i].bytes.data(),
                                   .msg_controllen = Messages::kControlBytes,
                                   .msg_flags = 0};
  }
  const int got = ::recvmmsg(socket, messages.headers.data(), ReceiveSlots::kSlots, MSG_DONTWAIT, nullptr);
  if (got < 0)
    return {.datagrams = {}, .drained = errno == EAGAIN};  // else an error was told, and behind it there may be datagrams
  size_t count = 0;
  for (size_t i = 0; i < static_cast<size_t>(got); ++i) {
    msghdr& message = messages.headers[i].msg_hdr;
    const auto from = load(messages.names[i], message.msg_namelen);
    if (!from) continue;
    Incoming& datagram = received_[count++];
    datagram = {*from, (*slots_)[i].first(std::min<size_t>(messages.headers[i].msg_len, ReceiveSlots::kSlotBytes))};
    read_control(message, datagram);
  }
  return {.datagrams = std::span(received_).first(count), .drained = static_cast<size_t>(got) < ReceiveSlots::kSlots};
}

std::optional<DatagramHost::Failure> DatagramSockets::failure(int socket) {
  for (;;) {
    Name name{};
    iovec room{quoted_.data(), quoted_.size()};
    alignas(cmsghdr) std::array<uint8_t, 512> control;
    msghdr message{.msg_name = &name,
                   .msg_namelen = sizeof name,
                   .msg_iov = &room,
                   .msg_iovlen = 1,
                   .msg_control = control.data(),
                   .msg_controllen = control.size(),
                   .msg_flags = 0};
    const ssize_t got = ::recvmsg(socket, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
    if (got < 0) return std::nullopt;
    const auto to = load(name, message.msg_namelen);
    const sock_extended_err* const said = find_error(message);
    const auto error = to && said ? error_in(*said, std::holds_alternative<Ipv4>(to->address)) : std::nullopt;
    if (!error) continue;
    return Failure{*to, *error, offender_of(*said), wire::Bytes(quoted_).first(static_cast<size_t>(got))};
  }
}

void DatagramSockets::trim() { slots_->trim(); }

}  // namespace postern::flow
