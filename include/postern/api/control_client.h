// control_client.h - the other end of the control socket: finds a running postern of the same user and asks it one thing.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"
#include "postern/journey/following.h"

namespace postern::api {

/// Whom to ask: a process, or who listens at a path, or else the only one there is.
struct InstanceChoice {
  std::optional<pid_t> pid;
  std::optional<std::string> path;
  std::optional<uid_t> uid = {};  // with `pid`: whose it is, where that is not the caller; for root, who knocks as that user
};

/// "postern/1000/4711": the abstract name of the control socket of that process of that user.
std::string control_name(uid_t uid, pid_t pid);

/// The processes that listen on "@postern/UID/PID", of /proc/net/unix's lines, proc(5); in ascending order.
std::vector<pid_t> find_instances(std::string_view proc_net_unix, uid_t uid);
/// Whose such processes are, each once.
std::vector<uid_t> find_instance_users(std::string_view proc_net_unix);

class ControlClient {
 public:
  /// Errors: none runs in this network namespace; several do, and the error lists them.
  static Result<ControlClient> find(const InstanceChoice& choice);

  /// The answer, whatever it says. Errors: nobody listens; who listens is another user's; no answer in 10 s.
  Result<std::string> ask(std::string_view request) const;

  /// What has been connected, and what has come behind the line that granted it: events, a line each.
  struct Events {
    UniqueFd connection;
    std::string received;
  };
  /// Asks for events of what `filter` means, and of what is to be followed from there, until the connection is closed. Errors: as
  /// ask()'s; the instance's complaint.
  Result<Events> trace(std::string_view filter, journey::Following::Extent follow) const;

 private:
  enum class Kind { abstract, file };
  ControlClient(Kind kind, std::string name, std::optional<uid_t> uid = {}) : kind_(kind), name_(std::move(name)), uid_(uid) {}
  enum class Patience { some, none };
  /// Connected to a server of our own user. Without patience: EAGAIN where it has no room for us at once.
  Result<UniqueFd> connect(Patience patience) const;
  std::string shown() const { return std::string(kind_ == Kind::abstract ? "@" : "").append(name_); }

  Kind kind_;
  std::string name_;
  std::optional<uid_t> uid_;
};

}  // namespace postern::api
