// control_socket.h - the door through which programs of the same user drive a running Postern, unix(7).
//
//   client ── connect, request ──► ControlSocket ──► commands.h ──► Instance
//          ◄── answer, end ──────  one request a connection; nobody waits for anybody
//
// Who may: processes of our own user (SO_PEERCRED), and root where our user namespace knows it, in the network namespace in which
// the socket was made (SO_NETNS_COOKIE): the workload runs as the same user, but in another namespace, so it cannot drive what
// holds it. A kernel before 5.14 cannot tell the namespace: there only an abstract name, which no other namespace sees, keeps the
// workload out.
#pragma once

#include <memory>
#include <string>

#include "postern/api/instance.h"
#include "postern/base/syscall_rule.h"
#include "postern/loop/event_loop.h"

namespace postern::api {

struct ControlLimits {
  size_t clients = 32;  // at once; the oldest idle one makes room. Half of the descriptors kept for what is no flow
  std::chrono::milliseconds time{10'000};   // for the whole request to come, and for the answer to be taken
  std::chrono::milliseconds stall{30'000};  // of a trace of which nothing is taken
};

class ControlSocket {
 public:
  /// Makes a socket file, mode 0600. One on which nobody listens is replaced; another file, or one that is served, is an error.
  /// It is removed with the object, if it is still ours, also after the root directory has become another.
  /// The instance and the loop must outlive the object. Errors: a path of 108 bytes or more; EADDRINUSE, EEXIST; bind(2)'s.
  static Result<std::unique_ptr<ControlSocket>> listen_at(loop::EventLoop& loop, Instance& instance, const std::string& path,
                                                          ControlLimits limits = {});
  /// Listens on the abstract name `name` (without the leading 0 byte) of this network namespace; gone with the process.
  static Result<std::unique_ptr<ControlSocket>> listen_abstract(loop::EventLoop& loop, Instance& instance,
                                                                const std::string& name, ControlLimits limits = {});
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;
  ~ControlSocket();

  struct Counters {
    uint64_t answered = 0;
    uint64_t refused = 0;    // of another user or from another network namespace
    uint64_t made_room = 0;  // closed for a newer client
    uint64_t timed_out = 0;
  };
  const Counters& counters() const;
  size_t clients() const;
  /// The descriptor by which the socket's file is removed at the end, by unlinkat(2); -1: there is no file.
  int folder() const;

 private:
  class Server;
  explicit ControlSocket(std::unique_ptr<Server> server);
  std::unique_ptr<Server> server_;
};

/// What a control socket calls once it listens; the removal of its file comes on top, see folder().
SyscallRules syscalls();

}  // namespace postern::api
