// socket.cpp - a request and its answer, matched by number.
#include "postern/netlink/socket.h"

#include "transport.h"

namespace postern::netlink {
namespace {

/// NLMSG_ERROR ends every request, in failure or (NLM_F_ACK) success; a dump ends with NLMSG_DONE.
bool ends_answer(const nlmsghdr& message) { return message.nlmsg_type == NLMSG_ERROR || message.nlmsg_type == NLMSG_DONE; }

}  // namespace

Result<Socket> Socket::open() {
  POSTERN_TRY(fd, open_transport(0, 0), "netlink");
  return Socket(std::move(fd));
}

Status Socket::exchange(nlmsghdr& request, std::string_view doing, const Sink& answer) {
  const bool dump = (request.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  if (!dump) request.nlmsg_flags |= NLM_F_ACK;
  POSTERN_CHECK(send_request(fd_, request, ++sequence_), doing);

  bool ended = false;
  bool interrupted = false;
  const auto take = [&](const nlmsghdr& message) -> Status {
    if (message.nlmsg_seq != sequence_ || ended) return {};  // the rest of an answer that nobody waited for
    interrupted |= (message.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    ended = ends_answer(message);
    if (ended) return outcome(message, doing);
    if (answer) answer(message);
    return {};
  };
  Datagram buffer;
  while (!ended) {
    POSTERN_TRY(datagram, receive(fd_, buffer), doing);
    if (Status status = for_each_message(datagram, take); !status) return status;
  }
  if (interrupted) return fail(std::errc::interrupted, std::string(doing));
  return {};
}

}  // namespace postern::netlink
