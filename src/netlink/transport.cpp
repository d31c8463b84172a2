// transport.cpp - see transport.h.
#include "transport.h"

#include <sys/socket.h>

#include <cerrno>

namespace postern::netlink {

Result<UniqueFd> open_transport(uint32_t groups, int flags) {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE));
  if (!fd) return fail_errno("open an rtnetlink socket");
  const int on = 1;  // both since Linux 4.12; without them errors have no words, no more
  ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  sockaddr_nl self{};
  self.nl_family = AF_NETLINK;
  self.nl_groups = groups;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&self), sizeof self) < 0) return fail_errno("bind an rtnetlink socket");
  return fd;
}

Status send_request(const UniqueFd& socket, nlmsghdr& request, uint32_t sequence) {
  request.nlmsg_flags |= NLM_F_REQUEST;
  request.nlmsg_seq = sequence;
  if (::send(socket.get(), &request, request.nlmsg_len, 0) < 0) return fail_errno("send to rtnetlink");
  return {};
}

Result<Bytes> receive(const UniqueFd& socket, Datagram& buffer) {
  for (;;) {
    sockaddr_nl sender{};
    socklen_t sender_size = sizeof sender;
    // MSG_TRUNC: the true length, even if the buffer is too short for it.
    const ssize_t length = ::recvfrom(socket.get(), buffer.bytes.data(), buffer.bytes.size(), MSG_TRUNC,
                                      reinterpret_cast<sockaddr*>(&sender), &sender_size);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return fail_errno("receive from rtnetlink");
    if (sender.nl_pid != 0) continue;  // not the kernel
    const auto size = static_cast<size_t>(length);
    if (size > buffer.bytes.size()) return fail(std::errc::message_size, "receive from rtnetlink");
    return Bytes(buffer.bytes.data(), size);
  }
}

}  // namespace postern::netlink
