// workload.h - a command in namespaces of its own, under an init of ours.
//
//   postern (host namespaces)          init: PID 1 inside, root of the new user namespace      CMD: PID 2
//     create()  ── clone ───────────►
//               ◄── its /proc/self ──  waits
//               ── id maps, "mapped" ► mounts /proc, /etc files; raises lo
//               ◄──────── "prepared" ─
//     (a network is attached)
//     start()   ── "go" ────────────►  forks ────────────────────────────────────────────────► exec
//               ◄───────── "started" ─  reaps what is orphaned; exits with CMD's status
//     signal()  ── a signal ────────►  passes it on ─────────────────────────────────────────►
//
// Why init passes signals on: behind the sandbox we are strangers to a CMD that has changed its user, and init is root there.
//
// How it ends: PID 1's death ends every process inside, also the double-forked (pid_namespaces(7)); PID 1 dies with CMD, and by
// PR_SET_PDEATHSIG with postern, whatever kills it. Mounts and the network namespace go with the last process.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "postern/base/file.h"
#include "postern/base/result.h"
#include "postern/base/unique_fd.h"
#include "postern/process/child.h"
#include "postern/process/inheritance.h"
#include "postern/process/message_channel.h"

namespace postern::workload {

enum class Network { own, host };
enum class Identity { root, caller };         // which user the caller is inside
enum class IdRanges { caller, subordinate };  // who else exists inside: nobody, or the caller's /etc/subuid ids

/// Exit statuses, as env(1), podman run and docker run have them.
inline constexpr int kOurFailure = 125;
inline constexpr int kCannotExecute = 126;
inline constexpr int kNotFound = 127;

struct WorkloadPlan {
  std::vector<std::string> command;      // at least the program; found by PATH
  std::vector<std::string> environment;  // NAME=VALUE, on top of the caller's
  std::optional<std::string> working_directory;
  bool hides_shared_folders = false;  // /tmp, /run and $XDG_RUNTIME_DIR are empty inside, and the command cannot uncover them
  Network network = Network::own;
  Identity identity = Identity::root;
  IdRanges id_ranges = IdRanges::caller;
  std::optional<std::string> resolv_conf;  // text of /etc/resolv.conf inside; absent: the host's own
  std::optional<std::string> hosts;        // the same for /etc/hosts
};

class Workload {
 public:
  /// Namespaces exist; the init prepares them while the caller does something else. What `inheritance` holds is passed on to the
  /// command untouched. Errors: EPERM, ENOSPC (user namespaces not allowed, or too many), newuidmap's.
  static Result<Workload> create(const WorkloadPlan& plan, const process::Inheritance& inheritance);
  /// Waits until they are what the plan says; the command waits for start(). To be called once, before what stands below.
  /// Errors: mount(2)'s.
  Status prepared();

  /// The init's folder in /proc, for netns::open_namespaces_in. Not /proc/PID: the /proc of a container around us may count
  /// processes otherwise than fork(2).
  std::string proc_folder() const { return path_of(proc_folder_); }
  /// Readable once all is over.
  int pidfd() const { return init_.pidfd(); }
  Status start();
  /// To the command. Before start() it is lost, after its end too.
  void signal(int number) const;
  /// Waits for the end. Killed from outside counts as any signal does.
  Result<process::ExitStatus> wait() { return init_.wait(); }

 private:
  Workload(process::Child init, process::MessageChannel channel, UniqueFd proc_folder)
      : init_(std::move(init)), channel_(std::move(channel)), proc_folder_(std::move(proc_folder)) {}
  process::Child init_;
  process::MessageChannel channel_;
  UniqueFd proc_folder_;
  bool started_ = false;
};

}  // namespace postern::workload
