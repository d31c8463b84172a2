#include "bess_listener.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>

namespace postern::cli {

Result<std::unique_ptr<BessListener>> BessListener::create(loop::EventLoop& loop, const std::string& path,
                                                           std::function<void(UniqueFd client)> connected) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return fail(std::errc::filename_too_long, "listen on " + path);
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno("socket");
  auto file = api::SocketFile::at(path);
  if (!file) return Failure(file.error());
  ::unlink(path.c_str());  // as slirp4netns does; its clients name the same path again
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) return fail_errno("bind to", path);
  if (const Status ours = file->claim(); !ours) return Failure(ours.error());
  std::unique_ptr<BessListener> listener(new BessListener(*std::move(file), std::move(connected)));
  listener->socket_ = std::move(socket);
  if (::listen(listener->socket_.get(), 1) < 0) return fail_errno("listen on", path);
  listener->source_ = loop.make_source([self = listener.get()](uint32_t, uint32_t) { self->accept(); });
  POSTERN_CHECK(listener->source_.watch(listener->socket_.get(), EPOLLIN), "listen on " + path);
  return listener;
}

void BessListener::accept() {
  UniqueFd client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!client) return;  // it has gone again: the next one is as good
  source_ = {};
  socket_.reset();  // whoever else comes is refused, not left waiting
  if (connected_) std::exchange(connected_, nullptr)(std::move(client));
}

}  // namespace postern::cli
