#include "socket_maker.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "postern/base/libc_syscalls.h"
#include "postern/sandbox/sandbox.h"

#include "stream_socket.h"

namespace postern::forward {

namespace {

constexpr int kChannel = 0;  // its number in the helper, which has no other

SyscallRules helper_syscalls() {
  static constexpr SyscallRule kRules[] = {
      {"socket", {int_argument_is(0, AF_INET), int_argument_is(1, static_cast<uint32_t>(kStreamType)), int_argument_is(2, 0)}},
      {"socket", {int_argument_is(0, AF_INET6), int_argument_is(1, static_cast<uint32_t>(kStreamType)), int_argument_is(2, 0)}},
      {"setsockopt", {int_argument_is(1, IPPROTO_TCP), int_argument_is(2, TCP_NODELAY)}},
      {"setsockopt", {int_argument_is(1, SOL_SOCKET), int_argument_is(2, SO_OOBINLINE)}},
      {"recvfrom", {int_argument_is(0, kChannel)}},
      {"sendmsg", {int_argument_is(0, kChannel)}},
      {"close"},
      {"exit_group"},
  };
  return kRules;
}

/// The caller's pipes too: a reader waits for their end.
bool keep_only(int channel) {
  if (channel != kChannel && ::dup2(channel, kChannel) < 0) return false;
  return ::syscall(SYS_close_range, kChannel + 1, ~0U, 0) == 0;
}

/// Whoever enters a user namespace is no longer told of his parent's death, for his credentials have changed. prctl(2).
bool die_with(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  return ::getppid() == parent;
}

bool lock_up() {
  sandbox::Plan plan;
  plan.layers.mounts = false;  // no call that opens a file is left
  plan.syscalls = {helper_syscalls()};
#ifdef POSTERN_SANITIZED
  plan.syscalls.push_back(libc_syscalls());
  plan.syscalls.push_back(sanitizer_syscalls());
#endif
  return sandbox::enter(plan, sandbox::Strictness::required).has_value();
}

/// Too many descriptors of one user on their way pass too: unix(7).
bool may_pass_later(int error) { return is_scarcity(error) || error == ETOOMANYREFS; }

bool send(SocketRequest made, const std::array<int, kSocketsAMessage>& sockets) {
  iovec body{&made, sizeof made};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kSocketsAMessage)> control{};
  msghdr message{};
  message.msg_iov = &body;
  message.msg_iovlen = 1;
  if (made.count != 0) {
    const size_t bytes = sizeof(int) * made.count;
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(bytes);
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(bytes);
    std::memcpy(CMSG_DATA(rights), sockets.data(), bytes);
  }
  return ::sendmsg(kChannel, &message, MSG_NOSIGNAL) >= 0;
}

/// False: the other end has closed, or there is no such family here.
bool answer(const SocketRequest& request, std::array<int, kSocketsAMessage>& sockets) {
  SocketRequest made{request.family, 0};
  while (made.count < request.count && made.count < kSocketsAMessage) {
    UniqueFd socket = make_stream_socket(request.family);
    if (!socket && !may_pass_later(errno)) return false;
    if (!socket) break;
    sockets[made.count++] = socket.release();
  }
  const bool sent = send(made, sockets);
  const bool may_pass = !sent && may_pass_later(errno);
  for (size_t i = 0; i < made.count; ++i) ::close(sockets[i]);
  return sent || (may_pass && send({request.family, 0}, sockets));
}

/// No memory is asked for here: the list above has no call for it.
[[noreturn]] void serve() {
  std::array<int, kSocketsAMessage> sockets{};
  SocketRequest request{};
  while (::recv(kChannel, &request, sizeof request, 0) == sizeof request && answer(request, sockets)) continue;
  ::_exit(0);
}

}  // namespace

int run_socket_maker(int channel, const netns::NamespaceHandle& target) {
  const pid_t parent = ::getppid();
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  ::prctl(PR_SET_NAME, "postern-inside");
  if (!netns::enter(target) || !die_with(parent)) return 1;
  if (!keep_only(channel) || !lock_up()) return 1;
  serve();
}

}  // namespace postern::forward
