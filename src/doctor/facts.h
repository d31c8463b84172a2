// facts.h - what an examination of the host has seen, before anybody judges it. An errno of 0 means that it worked.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace postern::doctor {

inline constexpr int kUntried = -1;  // in place of an errno: something that has to come first failed

enum class Container { none, docker, podman, kubernetes };

struct Caller {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;             // empty: the user database does not know the id
  bool ids_mapped = true;       // in the user namespace we are in, both; clone(2) refuses others
  bool may_bind_ports = false;  // CAP_NET_BIND_SERVICE
};

/// Absent: this kernel has no such sysctl, or /proc/sys is not there.
struct Sysctls {
  std::optional<int64_t> unprivileged_userns_clone;            // Debian's and its children's
  std::optional<int64_t> apparmor_restrict_userns;             // Ubuntu's
  std::optional<int64_t> max_user, max_net, max_mnt, max_pid;  // user.max_*_namespaces, namespaces(7)
  std::optional<int64_t> unprivileged_port_start;
  std::optional<int64_t> ipv6_disabled;         // net.ipv6.conf.all.disable_ipv6
  std::optional<std::string> ping_group_range;  // "LOW HIGH", icmp(7)
};

/// What a child met that did what `postern run` does.
struct NamespaceTrial {
  int all = kUntried;                                                         // clone(2) with the four kinds at once
  int user = kUntried, network = kUntried, mount = kUntried, pid = kUntried;  // each by itself, where `all` failed
  bool died = false;                                                          // killed half-way: a seccomp filter
  int id_maps = kUntried;
  int private_mounts = kUntried;  // the first thing that needs a capability: AppArmor lets clone(2) pass and refuses here
  int tmpfs = kUntried;
  int overlay = kUntried;
  int proc = kUntried;
  int sysctl = kUntried;  // opening one of the network's for writing
  int tap = kUntried;     // open and TUNSETIFF
  int tso = kUntried, uso = kUntried;
};

struct TunDevice {
  int stat = 0;  // /dev/net/tun
  bool is_tun = true;
  mode_t mode = 0;
  int open = 0;         // outside of any namespace of ours
  bool driver = false;  // the kernel has it, whatever /dev shows
};

/// newuidmap(1) or newgidmap(1).
struct Helper {
  std::string path;         // empty: not in PATH
  bool privileged = false;  // setuid root or file capabilities, on a file system that honours them
};

struct Subordinate {
  uint64_t uids = 0, gids = 0;  // how many /etc/subuid and /etc/subgid grant us
  Helper newuidmap, newgidmap;
};

struct Family {
  int socket = 0;
  bool default_route = false;
};

struct NameServer {
  std::string address;
  int connect = 0;  // whether routing knows a way to it; nothing is sent
};

struct Resolver {
  int open = 0;  // /etc/resolv.conf
  std::vector<NameServer> servers;
};

/// What is laid around us from outside.
struct Confinement {
  Container container = Container::none;
  bool seccomp_filter = false;
  bool no_new_privileges = false;
  std::string apparmor_profile;  // empty: none, or unconfined
  bool root_is_chroot = false;   // the root directory is not a mount's root
  bool overlay_is_known = true;  // the kernel, in /proc/filesystems
};

struct Facts {
  std::string kernel;  // uname -r
  Caller caller;
  Sysctls sysctls;
  Confinement around;
  NamespaceTrial trial;
  TunDevice tun;
  Subordinate subordinate;
  Family ipv4, ipv6;
  Resolver resolver;
  int ping_socket = 0;
  int raw_ping_socket = 0;  // which libslirp takes where it gets no ping socket, and root may open
  int pidfd = 0;
  int landlock_version = 0;  // 0: none
  bool btf = false;          // the kernel describes its types, for eBPF
};

}  // namespace postern::doctor
