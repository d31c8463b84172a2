// message_channel.cpp - sendmsg(2) with SCM_RIGHTS. An outcome is "0 <answer>" or "<errno> <context>".
#include "postern/process/message_channel.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "postern/base/assert.h"

namespace postern::process {

namespace {

constexpr int kNoErrno = -1;  // an error of our own finding, which words alone describe

int error_number(const Error& error) { return error.code ? error.code.value() : kNoErrno; }

constexpr size_t kControlBytes = CMSG_SPACE(sizeof(int) * MessageChannel::kMaxDescriptors);

std::vector<UniqueFd> take_descriptors(msghdr& header) {
  std::vector<UniqueFd> result;
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control; control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(control) + i * sizeof fd, sizeof fd);
      result.emplace_back(fd);
    }
  }
  return result;
}

}  // namespace

Result<std::pair<MessageChannel, MessageChannel>> MessageChannel::make_pair() {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()) < 0) return fail_errno("socketpair");
  return std::pair(MessageChannel(UniqueFd(fds[0])), MessageChannel(UniqueFd(fds[1])));
}

Status MessageChannel::send(std::string_view text, std::span<const int> descriptors) const {
  POSTERN_ASSERT(text.size() <= kMaxText && descriptors.size() <= kMaxDescriptors);
  iovec body{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) std::array<char, kControlBytes> control{};
  msghdr header{};
  header.msg_iov = &body;
  header.msg_iovlen = 1;
  if (!descriptors.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
  }
  if (::sendmsg(socket_.get(), &header, MSG_NOSIGNAL) < 0) return fail_errno("sendmsg");
  return {};
}

Result<std::optional<Message>> MessageChannel::receive() const {
  std::array<char, kMaxText> text;
  alignas(cmsghdr) std::array<char, kControlBytes> control{};
  iovec body{text.data(), text.size()};
  msghdr header{};
  header.msg_iov = &body;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t size = 0;
  do {
    size = ::recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0 && errno == ECONNRESET) return std::nullopt;
  if (size < 0) return fail_errno("recvmsg");
  if (size == 0) return std::nullopt;
  return Message{std::string(text.data(), static_cast<size_t>(size)), take_descriptors(header)};
}

Status send_outcome(const MessageChannel& channel, const Result<std::string>& outcome, std::span<const int> descriptors) {
  const std::string text =
      outcome ? fmt::format("0 {}", *outcome) : fmt::format("{} {}", error_number(outcome.error()), outcome.error().context);
  return channel.send(std::string_view(text).substr(0, MessageChannel::kMaxText), descriptors);
}

Result<Message> receive_outcome(const MessageChannel& channel) {
  POSTERN_TRY(message, channel.receive(), "ask a child");
  if (!message) return fail("a process of ours died before it answered");
  int code = kNoErrno;
  std::string& text = message->text;
  const char* end = std::from_chars(text.data(), text.data() + text.size(), code).ptr;
  text.erase(0, static_cast<size_t>(end - text.data()) + 1);
  if (code == 0) return std::move(*message);
  return Failure(Error{code > 0 ? std::error_code(code, std::system_category()) : std::error_code(), text});
}

}  // namespace postern::process
