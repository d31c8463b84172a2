// trial.cpp - the child sends its part of NamespaceTrial back as it lies in memory: both are the same program.
#include "trial.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <type_traits>

#include "postern/base/unique_fd.h"
#include "postern/netns/id_map.h"
#include "postern/netns/tap.h"
#include "postern/process/child.h"
#include "postern/process/message_channel.h"

namespace postern::doctor {

namespace {

static_assert(std::is_trivially_copyable_v<NamespaceTrial>);
static_assert(sizeof(NamespaceTrial) <= process::MessageChannel::kMaxText);

constexpr unsigned kTso = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
constexpr unsigned kUso = 0x20 | 0x40;  // TUN_F_USO4, TUN_F_USO6: Linux 6.2, not yet in Debian 12's headers

int error_of(long result) { return result < 0 ? errno : 0; }
int error_of(const Error& error) { return error.code ? error.code.value() : EINVAL; }

int open_for_writing(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return error_of(file.get());
}

void try_mounts(NamespaceTrial& trial) {
  trial.private_mounts = error_of(::mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr));
  if (trial.private_mounts != 0) return;
  for (const char* folder : {"/tmp", "/run", "/var", "/mnt"}) {
    if (::access(folder, F_OK) < 0) continue;
    trial.tmpfs = error_of(::mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=1m"));
    if (trial.tmpfs != 0) break;
    const std::string upper = fmt::format("{}/upper", folder), work = fmt::format("{}/work", folder);
    (void)::mkdir(upper.c_str(), 0755);
    (void)::mkdir(work.c_str(), 0755);
    const std::string options = fmt::format("lowerdir=/etc,upperdir={},workdir={},userxattr", upper, work);
    trial.overlay = error_of(::mount("overlay", "/etc", "overlay", MS_NOSUID | MS_NODEV, options.c_str()));
    break;
  }
  trial.proc = error_of(::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""));
}

void try_tap(NamespaceTrial& trial) {
  const Result<UniqueFd> tap = netns::open_tap("doctor0", netns::TapFraming::bare);
  trial.tap = tap ? 0 : error_of(tap.error());
  if (!tap) return;
  trial.tso = error_of(::ioctl(tap->get(), TUNSETOFFLOAD, kTso));
  trial.uso = error_of(::ioctl(tap->get(), TUNSETOFFLOAD, kTso | kUso));
}

/// The child's part. It begins when its ids are mapped, for without them it could make no file.
int run_trial(const process::MessageChannel& channel) {
  const auto go = channel.receive();
  if (!go || !*go) return 1;
  NamespaceTrial trial;
  trial.sysctl = open_for_writing("/proc/sys/net/ipv4/ping_group_range");
  try_tap(trial);
  try_mounts(trial);
  return channel.send({reinterpret_cast<const char*>(&trial), sizeof trial}) ? 0 : 1;
}

int write_id_file(pid_t pid, std::string_view name, std::string_view text) {
  const std::string path = fmt::format("/proc/{}/{}", pid, name);
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return errno;
  return error_of(::write(file.get(), text.data(), text.size()));
}

int map_ids(pid_t pid) {
  const auto file = [](uint32_t caller) { return netns::to_map_file(netns::map_caller(caller, 0)); };
  if (const int error = write_id_file(pid, "uid_map", file(::geteuid())); error != 0) return error;
  if (::geteuid() != 0) {
    if (const int error = write_id_file(pid, "setgroups", "deny"); error != 0) return error;
  }
  return write_id_file(pid, "gid_map", file(::getegid()));
}

int try_clone(uint64_t flags) {
  const auto child = process::Child::fork(flags, [] { return 0; });
  return child ? 0 : error_of(child.error());
}

/// Which of the kinds it was.
void try_one_by_one(NamespaceTrial& trial) {
  trial.user = try_clone(CLONE_NEWUSER);
  if (trial.user != 0) return;
  trial.network = try_clone(CLONE_NEWUSER | CLONE_NEWNET);
  trial.mount = try_clone(CLONE_NEWUSER | CLONE_NEWNS);
  trial.pid = try_clone(CLONE_NEWUSER | CLONE_NEWPID);
}

}  // namespace

NamespaceTrial try_namespaces() {
  NamespaceTrial trial;
  auto channels = process::MessageChannel::make_pair();
  if (!channels) return trial;
  process::MessageChannel ours = std::move(channels->first), childs = std::move(channels->second);
  const auto child = process::Child::fork(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET, [&] {
    { const process::MessageChannel parents_end = std::move(ours); }
    return run_trial(childs);
  });
  { const process::MessageChannel childs_end = std::move(childs); }  // so that its death reaches us as an end of file
  if (!child) {
    trial.all = error_of(child.error());
    try_one_by_one(trial);
    return trial;
  }
  trial.all = 0;
  trial.id_maps = map_ids(child->pid());
  if (trial.id_maps != 0 || !ours.send("go")) return trial;
  const auto answer = ours.receive();
  trial.died = !answer || !*answer || (*answer)->text.size() != sizeof trial;
  if (trial.died) return trial;
  NamespaceTrial inside;
  std::memcpy(&inside, (*answer)->text.data(), sizeof inside);
  inside.all = trial.all;
  inside.id_maps = trial.id_maps;
  return inside;
}

}  // namespace postern::doctor
