#include "gather.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "postern/base/file.h"
#include "postern/base/pretend.h"
#include "postern/base/unique_fd.h"
#include "postern/netlink/route.h"
#include "postern/netns/id_map.h"
#include "postern/wire/resolv_conf.h"

#include "kernel_text.h"
#include "pretence.h"
#include "trial.h"

namespace postern::doctor {

namespace {

int error_of(long result) { return result < 0 ? errno : 0; }

bool exists(const char* path) { return ::access(path, F_OK) == 0; }

std::optional<int64_t> number_in(const std::string& path) {
  const auto text = read_file(path);
  return text ? integer(*text) : std::nullopt;
}

std::string kernel_release() {
  utsname name{};
  return ::uname(&name) == 0 ? name.release : "";
}

Caller examine_caller(std::string_view status_text) {
  Caller caller;
  caller.uid = ::geteuid();
  caller.gid = ::getegid();
  if (const passwd* entry = ::getpwuid(caller.uid)) caller.name = entry->pw_name;
  const auto uid_map = read_file("/proc/self/uid_map"), gid_map = read_file("/proc/self/gid_map");
  caller.ids_mapped = (!uid_map || map_covers(*uid_map, caller.uid)) && (!gid_map || map_covers(*gid_map, caller.gid));
  caller.may_bind_ports = has_capability(status_text, CAP_NET_BIND_SERVICE);
  return caller;
}

Sysctls examine_sysctls() {
  const std::string root = "/proc/sys/";
  Sysctls sysctls;
  sysctls.unprivileged_userns_clone = number_in(root + "kernel/unprivileged_userns_clone");
  sysctls.apparmor_restrict_userns = number_in(root + "kernel/apparmor_restrict_unprivileged_userns");
  sysctls.max_user = number_in(root + "user/max_user_namespaces");
  sysctls.max_net = number_in(root + "user/max_net_namespaces");
  sysctls.max_mnt = number_in(root + "user/max_mnt_namespaces");
  sysctls.max_pid = number_in(root + "user/max_pid_namespaces");
  sysctls.unprivileged_port_start = number_in(root + "net/ipv4/ip_unprivileged_port_start");
  sysctls.ipv6_disabled = number_in(root + "net/ipv6/conf/all/disable_ipv6");
  if (auto range = read_file(root + "net/ipv4/ping_group_range")) sysctls.ping_group_range = std::move(*range);
  return sysctls;
}

/// The first namespaces of a boot have fixed inodes (PROC_PID_INIT_INO and so on, linux/proc_ns.h). A container has others;
/// a virtual machine whose disk was made of a container's image has its marks, but not its namespaces.
bool in_first_namespaces() {
  const std::array<std::pair<const char*, ino_t>, 3> first = {
      {{"/proc/self/ns/ipc", 0xEFFFFFFFU}, {"/proc/self/ns/uts", 0xEFFFFFFEU}, {"/proc/self/ns/pid", 0xEFFFFFFCU}}};
  return std::all_of(first.begin(), first.end(), [](const auto& known) {
    struct stat seen {};
    return ::stat(known.first, &seen) != 0 || seen.st_ino == known.second;
  });
}

Container examine_container() {
  if (in_first_namespaces()) return Container::none;
  if (std::getenv("KUBERNETES_SERVICE_HOST")) return Container::kubernetes;  // first: its pods carry the other marks too
  if (exists("/run/.containerenv")) return Container::podman;
  return exists("/.dockerenv") ? Container::docker : Container::none;
}

std::string apparmor_profile() {
  const auto text = read_file("/proc/self/attr/apparmor/current");
  const std::string profile = text ? text->substr(0, text->find_first_of(" \n")) : "";
  return profile == "unconfined" ? "" : profile;
}

Confinement examine_confinement(std::string_view status_text) {
  Confinement around;
  around.container = examine_container();
  around.seccomp_filter = status_value(status_text, "Seccomp") == "2";
  around.no_new_privileges = status_value(status_text, "NoNewPrivs") == "1";
  around.apparmor_profile = apparmor_profile();
  struct statx root {};
  const bool known =
      ::statx(AT_FDCWD, "/", 0, STATX_BASIC_STATS, &root) == 0 && (root.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT);
  around.root_is_chroot = known && !(root.stx_attributes & STATX_ATTR_MOUNT_ROOT);
  const auto filesystems = read_file("/proc/filesystems");
  around.overlay_is_known = filesystems && filesystems->find("\toverlay\n") != std::string::npos;
  return around;
}

TunDevice examine_tun() {
  TunDevice tun;
  struct stat node {};
  tun.driver = exists("/sys/class/misc/tun");
  tun.stat = error_of(::stat("/dev/net/tun", &node));
  tun.is_tun = S_ISCHR(node.st_mode) && node.st_rdev == makedev(10, 200);  // Documentation/admin-guide/devices.txt
  tun.mode = node.st_mode & 07777;
  if (tun.stat != 0 || !tun.is_tun) return tun;
  const UniqueFd device(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  tun.open = error_of(device.get());
  return tun;
}

Helper examine_helper(std::string_view name) {
  const char* path_variable = std::getenv("PATH");
  for (std::string_view rest = path_variable ? path_variable : "/usr/bin:/bin"; !rest.empty();) {
    const size_t colon = rest.find(':');
    const std::string path = std::string(rest.substr(0, colon)).append("/").append(name);
    rest = colon == rest.npos ? std::string_view() : rest.substr(colon + 1);
    struct stat status {};
    if (::stat(path.c_str(), &status) < 0 || ::access(path.c_str(), X_OK) < 0) continue;
    const bool setuid_root = (status.st_mode & S_ISUID) && status.st_uid == 0;
    const bool raised = setuid_root || ::getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
    struct statvfs filesystem {};
    const bool honoured = ::statvfs(path.c_str(), &filesystem) < 0 || !(filesystem.f_flag & ST_NOSUID);
    return {path, raised && honoured};
  }
  return {};
}

uint64_t ids_granted(const char* path, const Caller& caller) {
  uint64_t count = 0;
  for (const auto& range : netns::subordinate_ranges(read_file(path).value_or(""), caller.name, caller.uid)) count += range.count;
  return count;
}

Subordinate examine_subordinate(const Caller& caller) {
  return {ids_granted("/etc/subuid", caller), ids_granted("/etc/subgid", caller), examine_helper("newuidmap"),
          examine_helper("newgidmap")};
}

int try_socket(int family, int type, int protocol) {
  const UniqueFd socket(::socket(family, type | SOCK_CLOEXEC, protocol));
  return error_of(socket.get());
}

void examine_families(Facts& facts) {
  facts.ipv4.socket = try_socket(AF_INET, SOCK_DGRAM, 0);
  facts.ipv6.socket = try_socket(AF_INET6, SOCK_DGRAM, 0);
  auto netlink = netlink::Socket::open();
  if (!netlink) return;
  const auto routes = netlink::routes(*netlink);
  if (!routes) return;
  facts.ipv4.default_route = netlink::has_default_route(*routes, AF_INET);
  facts.ipv6.default_route = netlink::has_default_route(*routes, AF_INET6);
}

/// Whether a datagram would find its way: connect(2) asks routing, and sends nothing.
int try_route_to(const std::string& address) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(address.c_str(), "53", &hints, &found) != 0) return EINVAL;
  const UniqueFd socket(::socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int error = error_of(::connect(socket.get(), found->ai_addr, found->ai_addrlen));
  ::freeaddrinfo(found);
  return error;
}

Resolver examine_resolver() {
  Resolver resolver;
  const UniqueFd file(::open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  resolver.open = error_of(file.get());
  for (const std::string& address : wire::name_servers(read_file("/etc/resolv.conf").value_or(""))) {
    resolver.servers.push_back({address, try_route_to(address)});
  }
  return resolver;
}

int landlock_version() {
  constexpr unsigned kAskVersion = 1;  // LANDLOCK_CREATE_RULESET_VERSION
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, kAskVersion);
  return version > 0 ? static_cast<int>(version) : 0;
}

int try_pidfd() {
  const UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  return error_of(fd.get());
}

}  // namespace

Facts gather() {
  const std::string status_text = read_file("/proc/self/status").value_or("");
  Facts facts;
  facts.kernel = kernel_release();
  facts.caller = examine_caller(status_text);
  facts.sysctls = examine_sysctls();
  facts.around = examine_confinement(status_text);
  facts.trial = try_namespaces();
  facts.tun = examine_tun();
  facts.subordinate = examine_subordinate(facts.caller);
  examine_families(facts);
  facts.resolver = examine_resolver();
  facts.ping_socket = try_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
  facts.raw_ping_socket = try_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  facts.pidfd = try_pidfd();
  facts.landlock_version = landlock_version();
  facts.btf = exists("/sys/kernel/btf/vmlinux");
  for (const std::string_view name : pretences()) {
    if (pretended_missing(name)) spoil(facts, name);
  }
  return facts;
}

}  // namespace postern::doctor
