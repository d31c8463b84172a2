#include "listening_socket.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace postern::api {

namespace {

constexpr int kBacklog = 128;

struct Address {
  sockaddr_un bytes{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }
};

/// `name` with what stands before and after it; the caller has seen to its length.
Address address_of(const std::string& name) {
  Address address;
  address.bytes.sun_family = AF_UNIX;
  std::memcpy(address.bytes.sun_path, name.data(), name.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  return address;
}

Result<UniqueFd> open_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno("socket");
  return fd;
}

Status listen_on(const UniqueFd& fd, const Address& address, const std::string& shown) {
  if (::bind(fd.get(), address.get(), address.size) < 0) return fail_errno("bind", shown);
  if (::listen(fd.get(), kBacklog) < 0) return fail_errno("listen on", shown);
  return {};
}

/// The file system's own answer: ECONNREFUSED is a socket that nobody serves, and any other that somebody may.
Status check_nobody_listens(const std::string& path, const Address& address) {
  POSTERN_TRY(probe, open_socket(), path);
  if (::connect(probe.get(), address.get(), address.size) < 0) {
    if (errno == ECONNREFUSED || errno == ENOENT) return {};
    if (errno != EAGAIN) return fail_errno("try", path);
  }
  return fail(std::errc::address_in_use, fmt::format("another program serves the socket {}", path));
}

Status remove_stale(const std::string& path, const Address& address) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) < 0) return errno == ENOENT ? Status() : Status(fail_errno("look at", path));
  if (!S_ISSOCK(found.st_mode)) return fail(std::errc::file_exists, fmt::format("{} is there already, and is no socket", path));
  if (Status nobody = check_nobody_listens(path, address); !nobody) return nobody;
  if (::unlink(path.c_str()) < 0 && errno != ENOENT) return fail_errno("remove", path);
  return {};
}

}  // namespace

Result<ListeningSocket> listen_at(const std::string& path) {
  if (path.size() >= sizeof sockaddr_un::sun_path) return fail("the specified API socket path is too long (>= 108)");
  auto file = SocketFile::at(path);
  if (!file) return Failure(file.error());
  const Address address = address_of(path);
  if (const Status free = remove_stale(path, address); !free) return Failure(free.error());
  POSTERN_TRY(fd, open_socket(), path);
  if (::fchmod(fd.get(), 0600) < 0) return fail_errno("fchmod", path);  // before bind: the file has this mode from the first
  if (const Status listening = listen_on(fd, address, path); !listening) return Failure(listening.error());
  if (const Status ours = file->claim(); !ours) return Failure(ours.error());
  return ListeningSocket{std::move(fd), *std::move(file)};
}

Result<ListeningSocket> listen_abstract(const std::string& name) {
  POSTERN_CHECK(name.size() < sizeof sockaddr_un::sun_path ? Status() : Status(fail(std::errc::filename_too_long, name)), "name");
  POSTERN_TRY(fd, open_socket(), "@" + name);
  if (const Status listening = listen_on(fd, address_of('\0' + name), "@" + name); !listening) return Failure(listening.error());
  return ListeningSocket{std::move(fd), {}};
}

}  // namespace postern::api
