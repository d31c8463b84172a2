// door.h - how a process inside the lab is asked for. The lab's keeper (pid 1 in there) listens on one SOCK_SEQPACKET socket;
// every connection is one request and then one process:
//
//   client                                   keeper
//     run {place, role, argv, env} + 3 fds ->  fork, setns, drop privilege, exec
//                                <- started {pid}   or   refused {errno}
//     signal {number}            ->  kill
//                                <- ended {status}
//     (closes the connection)    ->  SIGKILL: a process lives no longer than whoever asked for it
//
// Descriptors travel by SCM_RIGHTS, unix(7), so a command has the caller's terminal and a test can hold a socket that
// belongs to the lab's namespaces.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::lab {

enum class Place { host, remote };
enum class Role { root, user };       // root: every capability over the lab; user: uid 4000 without any
enum class Session { own, callers };  // own: setsid(2), and the end of the connection kills the whole process group

struct RunRequest {
  Place place = Place::host;
  std::string netns = {};  // a file of the lab that is a network namespace, instead of the place's own
  Role role = Role::root;
  Session session = Session::own;
  std::string directory = {};
  std::vector<std::string> argv = {};
  std::vector<std::string> environment = {};  // "NAME=value"
};

struct SocketRequest {  // socket(2), made in that place's network namespace
  Place place = Place::host;
  std::string netns = {};
  int domain = 0;
  int type = 0;
  int protocol = 0;
};

struct Event {
  enum class Kind : int32_t { started, refused, ended, opened };
  Kind kind = Kind::refused;
  int32_t value = 0;  // started: the pid in the lab; refused: an errno; ended: the status as a shell gives it
};

struct Message {
  std::string bytes;
  std::vector<UniqueFd> fds;
};

std::string pack(const RunRequest& request);
std::string pack(const SocketRequest& request);
std::optional<RunRequest> unpack_run(std::string_view bytes);
std::optional<SocketRequest> unpack_socket(std::string_view bytes);

Status send_message(int socket, std::string_view bytes, std::span<const int> fds = {});
/// One message with its descriptors; empty bytes mean that the peer is gone.
Result<Message> receive_message(int socket);
Status send_event(int socket, Event event, std::span<const int> fds = {});
/// Waits for the next event; a peer that is gone is an error (ECONNRESET).
Result<Event> receive_event(int socket, std::vector<UniqueFd>* fds = nullptr);

}  // namespace postern::lab
