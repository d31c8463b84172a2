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

/// Whose it says it is, and who; any process may listen under any such name.
struct InstanceName {
  uid_t uid = 0;
  pid_t pid = 0;
  auto operator<=>(const InstanceName&) const = default;
};
/// All "@postern/UID/PID" on which somebody listens, of /proc/net/unix's lines, proc(5); in ascending order, each once.
std::vector<InstanceName> find_instance_names(std::string_view proc_net_unix);
/// The processes that listen on "@postern/UID/PID", of /proc/net/unix's lines, proc(5); in ascending order.
std::vector<pid_t> find_instances(std::string_view proc_net_unix, uid_t uid);

class ControlClient {
 public:
  /// Errors: none runs in this network namespace; several do, and the error lists them.
  static Result<ControlClient> find(const InstanceChoice& choice);

  /// The answer, whatever it says. Errors: nobody listens; who listens is another user's; no answer in 10 s.
  Result<std::string> ask(std::string_view request) const;

  /// Who listens, as the kernel knows it. Never waits. Errors: nobody listens; who listens is another user's.
  Result<pid_t> server() const;

  /// What has been connected, and to which process.
  struct Events {
    UniqueFd connection;
    pid_t server = 0;
  };
  /// Asks for events of what `filter` means, and of what is to be followed from there, until the connection is closed. Never
  /// waits: the first line that comes is for check_grant(), each that follows is an event. Errors: as server()'s.
  Result<Events> trace(std::string_view filter, journey::Following::Extent follow) const;
  /// Errors: the instance's complaint.
  static Status check_grant(std::string_view first_line);

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
