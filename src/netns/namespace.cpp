#include "postern/netns/namespace.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>

namespace postern::netns {

namespace {

Result<UniqueFd> open_read_only(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno("open", path);
  return fd;
}

bool is_network_namespace(int fd) {
  struct statfs filesystem {};
  return ::fstatfs(fd, &filesystem) == 0 && filesystem.f_type == NSFS_MAGIC && ::ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

Result<UniqueFd> open_network_namespace(const std::string& path) {
  UniqueFd network(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a FIFO must not block us
  if (!network) return fail_errno("open", path);
  if (!is_network_namespace(network.get())) {
    return fail(fmt::format("{} is no network namespace (try /proc/PID/ns/net or /run/netns/NAME)", path));
  }
  return network;
}

FileIdentity identity_in(const struct stat& status) { return {status.st_dev, status.st_ino}; }

}  // namespace

Result<NamespaceHandle> open_namespaces_of(pid_t pid) {
  auto handle = open_namespaces_in(fmt::format("/proc/{}", pid));
  if (!handle) return within(fmt::format("process {}", pid), handle.error());
  return handle;
}

Result<NamespaceHandle> open_namespaces_in(const std::string& proc_folder) {
  NamespaceHandle handle;
  POSTERN_TRY(network, open_read_only(proc_folder + "/ns/net"), "network namespace");
  POSTERN_TRY(user, open_read_only(proc_folder + "/ns/user"), "user namespace");
  handle.network = std::move(network);
  handle.user = std::move(user);
  return handle;
}

Result<NamespaceHandle> open_namespaces(const std::string& network, const std::string& user) {
  NamespaceHandle handle;
  handle.user_joining = NamespaceHandle::Joining::attempted;
  POSTERN_TRY(network_fd, open_network_namespace(network), "network namespace");
  handle.network = std::move(network_fd);
  if (user.empty()) return handle;
  POSTERN_TRY(user_fd, open_read_only(user), "user namespace");
  handle.user = std::move(user_fd);
  return handle;
}

Result<NamespaceHandle> open_namespaces_at(const std::string& path) {
  NamespaceHandle handle;
  auto opened = open_network_namespace(path);
  if (!opened) return Failure(opened.error());
  UniqueFd network = std::move(*opened);
  handle.user = UniqueFd(::ioctl(network.get(), NS_GET_USERNS));  // EPERM where it is not ours to see: then we need none
  handle.network = std::move(network);
  return handle;
}

Status enter(const NamespaceHandle& target) {
  if (target.user) {
    POSTERN_TRY(theirs, identity_of(target.user.get()), "user namespace");
    POSTERN_TRY(ours, identity_of("/proc/self/ns/user"), "user namespace");
    const bool must = target.user_joining == NamespaceHandle::Joining::required;
    if (!(theirs == ours) && ::setns(target.user.get(), CLONE_NEWUSER) < 0 && must) return fail_errno("enter the user namespace");
  }
  if (::setns(target.network.get(), CLONE_NEWNET) < 0) return fail_errno("enter the network namespace");
  return {};
}

Result<FileIdentity> identity_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0) return fail_errno("stat", path);
  return identity_in(status);
}

Result<FileIdentity> identity_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) < 0) return fail_errno("fstat");
  return identity_in(status);
}

}  // namespace postern::netns
