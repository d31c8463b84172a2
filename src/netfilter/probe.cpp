// probe.cpp - one question over nfnetlink, without the libraries: libnftables ends the whole process, by exit(3), where it cannot
// have its socket, and neither library tells a part that is missing from a mistake of ours.
#include "probe.h"

#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "postern/base/unique_fd.h"

namespace postern::netfilter {
namespace {

/// The errno that the kernel answers, 0 for an answer or an acknowledgement; -1 with errno if the question cannot be asked.
int ask(const UniqueFd& socket, uint16_t message_type) {
  alignas(nlmsghdr) std::array<std::byte, 8192> buffer{};  // as large as libmnl makes its own
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = message_type;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  auto* header = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(nfgenmsg)));
  header->version = NFNETLINK_V0;
  if (::send(socket.get(), request, request->nlmsg_len, 0) < 0) return -1;
  const ssize_t length = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
  if (length < 0) return -1;
  const auto* answer = reinterpret_cast<const nlmsghdr*>(buffer.data());
  if (!mnl_nlmsg_ok(answer, static_cast<int>(length)) || answer->nlmsg_type != NLMSG_ERROR) return 0;
  if (mnl_nlmsg_get_payload_len(answer) < sizeof(nlmsgerr)) return 0;
  return -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(answer))->error;
}

}  // namespace

Status probe(uint16_t message_type, std::string_view part) {
  const auto missing = fmt::format("this kernel has no {}", part);
  const UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!socket && errno == EPROTONOSUPPORT) return fail(std::errc::protocol_not_supported, missing);
  if (!socket) return fail_errno("open a netfilter socket");
  const int answer = ask(socket, message_type);
  if (answer < 0) return fail_errno("ask netfilter for", part);
  // nfnetlink_rcv_msg() in net/netfilter/nfnetlink.c: EINVAL for a subsystem that nobody registered.
  if (answer == EINVAL || answer == EOPNOTSUPP) return fail(std::errc::protocol_not_supported, missing);
  if (answer != 0) return Failure(Error{{answer, std::system_category()}, fmt::format("ask netfilter for {}", part)});
  return {};
}

}  // namespace postern::netfilter
