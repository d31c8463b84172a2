// bess_listener.h - slirp4netns's --target-type=bess: one client, such as User Mode Linux, brings its frames to a socket.
//
//   UML ── SOCK_SEQPACKET, one Ethernet frame a message ──► PATH ── first client only ──► the relay, as if it were a TAP
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "postern/api/socket_file.h"
#include "postern/loop/event_loop.h"

namespace postern::cli {

class BessListener {
 public:
  /// Replaces what is at `path`, and removes its own socket in the end, also behind the sandbox. `connected` is called from the
  /// loop, once, with the client's socket, non-blocking. The loop must outlive the listener. Errors: bind(2)'s.
  static Result<std::unique_ptr<BessListener>> create(loop::EventLoop& loop, const std::string& path,
                                                      std::function<void(UniqueFd client)> connected);
  int folder() const { return file_.folder(); }  // as api::SocketFile's
  BessListener(const BessListener&) = delete;
  BessListener& operator=(const BessListener&) = delete;

 private:
  BessListener(api::SocketFile file, std::function<void(UniqueFd client)> connected)
      : file_(std::move(file)), connected_(std::move(connected)) {}
  void accept();

  api::SocketFile file_;
  std::function<void(UniqueFd client)> connected_;
  UniqueFd socket_;
  loop::EventLoop::Source source_;
};

}  // namespace postern::cli
