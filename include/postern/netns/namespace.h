// namespace.h - naming a namespace that somebody else lives in, and entering it. namespaces(7), user_namespaces(7).
#pragma once

#include <sys/types.h>

#include <string>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::netns {

/// A network namespace and the user namespace that has power over it.
struct NamespaceHandle {
  UniqueFd network;
  UniqueFd user;  // empty: stay in the user namespace we are in
  /// attempted: if it cannot be joined, go on from where we are; the kernel then says whether that is enough.
  enum class Joining { required, attempted } user_joining = Joining::required;
};

/// Those of process `pid`. Errors: ESRCH (it is gone), EACCES (it is another user's).
Result<NamespaceHandle> open_namespaces_of(pid_t pid);
/// The same, by the process's folder in /proc.
Result<NamespaceHandle> open_namespaces_in(const std::string& proc_folder);
/// The network namespace at `path` (/run/netns/NAME, /proc/PID/ns/net) and the user namespace that owns it, as far as it may be
/// seen: NS_GET_USERNS, ioctl_ns(2). Errors: ENOENT; EINVAL, `path` is no network namespace.
Result<NamespaceHandle> open_namespaces_at(const std::string& path);
/// The network namespace at `network`, and the user namespace at `user` (empty: none), opened in this order; joining the latter
/// is attempted. Errors: ENOENT, ESRCH, EACCES; EINVAL, `network` is no network namespace.
Result<NamespaceHandle> open_namespaces(const std::string& network, const std::string& user);
/// Puts the calling thread into them: user namespace first, for it gives the power to enter the other. A user namespace already
/// joined is passed over (setns(2) would refuse it). Not reversible: call it in a child.
Status enter(const NamespaceHandle& target);

/// Whether both descriptors or paths show the same file: for namespaces, the same namespace.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};
Result<FileIdentity> identity_of(const std::string& path);
Result<FileIdentity> identity_of(int fd);

}  // namespace postern::netns
