// door.cpp - the messages of door.h as NUL-separated fields: both ends are this library, argv and environment have no NULs.
#include "door.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace postern::lab {

namespace {

constexpr size_t kMaxFds = 8;
constexpr size_t kMaxMessageBytes = size_t{1} << 18;  // above net.core.wmem_default, which bounds what can be sent

class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}

  std::string_view text() {
    const size_t end = rest_.find('\0');
    const std::string_view field = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    return field;
  }
  int number() {
    const std::string_view field = text();
    int value = -1;
    std::from_chars(field.data(), field.data() + field.size(), value);
    return value;
  }
  std::vector<std::string> list() {
    std::vector<std::string> items;
    for (int left = number(); left > 0; --left) items.emplace_back(text());
    return items;
  }

 private:
  std::string_view rest_;
};

std::string pack_list(const std::vector<std::string>& items) {
  std::string packed = fmt::format("{}", items.size()) + '\0';
  for (const std::string& item : items) packed.append(item) += '\0';
  return packed;
}

}  // namespace

std::string pack(const RunRequest& request) {
  std::string packed = fmt::format("run{0}{1}{0}{2}{0}{3}{0}", '\0', static_cast<int>(request.place),
                                   static_cast<int>(request.role), static_cast<int>(request.session));
  packed.append(request.netns) += '\0';
  packed.append(request.directory) += '\0';
  return packed + pack_list(request.argv) + pack_list(request.environment);
}

std::string pack(const SocketRequest& request) {
  return fmt::format("socket{0}{1}{0}{2}{0}{3}{0}{4}{0}{5}{0}", '\0', static_cast<int>(request.place), request.netns,
                     request.domain, request.type, request.protocol);
}

std::optional<RunRequest> unpack_run(std::string_view bytes) {
  Fields fields(bytes);
  if (fields.text() != "run") return std::nullopt;
  RunRequest request;
  request.place = static_cast<Place>(fields.number());
  request.role = static_cast<Role>(fields.number());
  request.session = static_cast<Session>(fields.number());
  request.netns = fields.text();
  request.directory = fields.text();
  request.argv = fields.list();
  request.environment = fields.list();
  if (request.argv.empty()) return std::nullopt;
  return request;
}

std::optional<SocketRequest> unpack_socket(std::string_view bytes) {
  Fields fields(bytes);
  if (fields.text() != "socket") return std::nullopt;
  SocketRequest request;
  request.place = static_cast<Place>(fields.number());
  request.netns = fields.text();
  request.domain = fields.number();
  request.type = fields.number();
  request.protocol = fields.number();
  return request;
}

Status send_message(int socket, std::string_view bytes, std::span<const int> fds) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxFds)] = {};
  iovec data{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
  }
  if (::sendmsg(socket, &message, MSG_NOSIGNAL) < 0) return fail_errno("sendmsg", "to the lab's door");
  return {};
}

Result<Message> receive_message(int socket) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxFds)] = {};
  Message result;
  result.bytes.resize(kMaxMessageBytes);
  iovec data{result.bytes.data(), result.bytes.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return fail_errno("recvmsg", "from the lab's door");
  result.bytes.resize(static_cast<size_t>(got));
  for (cmsghdr* rights = CMSG_FIRSTHDR(&message); rights; rights = CMSG_NXTHDR(&message, rights)) {
    for (size_t at = 0; at + sizeof(int) <= rights->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(rights) + at, sizeof fd);
      result.fds.emplace_back(fd);
    }
  }
  return result;
}

Status send_event(int socket, Event event, std::span<const int> fds) {
  return send_message(socket, {reinterpret_cast<const char*>(&event), sizeof event}, fds);
}

Result<Event> receive_event(int socket, std::vector<UniqueFd>* fds) {
  POSTERN_TRY(message, receive_message(socket), "event");
  Event event;
  if (message.bytes.size() != sizeof event) return fail(std::errc::connection_reset, "the lab is gone");
  std::memcpy(&event, message.bytes.data(), sizeof event);
  if (fds) *fds = std::move(message.fds);
  return event;
}

}  // namespace postern::lab
