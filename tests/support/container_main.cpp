// container_main.cpp - postern-container: a command under what Docker's default profile leaves of the system calls and of the
// capabilities, in the namespaces of its caller: what `postern run` meets in a container.
//
//   postern-container [--cap-add-sys-admin] COMMAND...      as root of the lab
//   postern-container --no-netfilter COMMAND...             all is left but netfilter, as in a kernel that was built without it
//
// Source: moby's profiles/seccomp/default.json. It allows a list and answers EPERM to the rest; of these the calls below are
// those that make namespaces and mounts, which it allows again to a container with CAP_SYS_ADMIN. clone3 is ENOSYS, so that libc
// falls back to clone, whose flags a filter can read.
#include <linux/capability.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "program.h"

namespace postern::lab {

namespace {

constexpr std::array kForSysAdmin = {
    SCMP_SYS(unshare), SCMP_SYS(setns),    SCMP_SYS(mount),      SCMP_SYS(umount2),  SCMP_SYS(pivot_root),
    SCMP_SYS(fsopen),  SCMP_SYS(fsconfig), SCMP_SYS(fsmount),    SCMP_SYS(fspick),   SCMP_SYS(open_tree),
    SCMP_SYS(bpf),     SCMP_SYS(syslog),   SCMP_SYS(move_mount), SCMP_SYS(quotactl), SCMP_SYS(mount_setattr),
};

constexpr std::array kCapabilities = {
    CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FSETID,  CAP_FOWNER,           CAP_MKNOD,      CAP_NET_RAW, CAP_SETGID,
    CAP_SETUID, CAP_SETFCAP,      CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_KILL,    CAP_AUDIT_WRITE,
};

bool filter_system_calls() {
  constexpr scmp_datum_t kNamespaces =
      CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ALLOW);
  if (!filter) return false;
  bool made = ::seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) == 0;  // as Docker: setuid programs work
  for (const int call : kForSysAdmin) made &= ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0) == 0;
  made &= ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
  for (unsigned bit = 0; bit < 32; ++bit) {
    const scmp_datum_t flag = scmp_datum_t{1} << bit;
    if ((kNamespaces & flag) == 0) continue;
    made &= ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                               scmp_arg_cmp{0, SCMP_CMP_MASKED_EQ, flag, flag}) == 0;
  }
  made = made && ::seccomp_load(filter) == 0;
  ::seccomp_release(filter);
  return made;
}

bool filter_netfilter() {
  scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ALLOW);
  if (!filter) return false;
  const bool made =
      ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPROTONOSUPPORT), SCMP_SYS(socket), 2,
                         scmp_arg_cmp{0, SCMP_CMP_EQ, AF_NETLINK, 0}, scmp_arg_cmp{2, SCMP_CMP_EQ, NETLINK_NETFILTER, 0}) == 0 &&
      ::seccomp_load(filter) == 0;
  ::seccomp_release(filter);
  return made;
}

bool leave_capabilities(bool sys_admin) {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {
    const bool kept = std::find(kCapabilities.begin(), kCapabilities.end(), capability) != kCapabilities.end();
    if (!kept && !(sys_admin && capability == CAP_SYS_ADMIN) && ::prctl(PR_CAPBSET_DROP, capability) < 0) return false;
  }
  return true;  // root's exec leaves what is in the bounding set, capabilities(7)
}

int run(int argc, char** argv) {
  const std::string_view option = argc > 1 ? argv[1] : "";
  const bool sys_admin = option == "--cap-add-sys-admin", no_netfilter = option == "--no-netfilter";
  char** command = argv + (sys_admin || no_netfilter ? 2 : 1);
  if (argc < 2 || !*command) {
    std::fputs("usage: postern-container [--cap-add-sys-admin | --no-netfilter] COMMAND...\n", stderr);
    return kOurFailure;
  }
  if (no_netfilter && filter_netfilter()) ::execvp(*command, command);
  // The filter first: to load one without no_new_privs takes CAP_SYS_ADMIN, seccomp(2).
  if (!no_netfilter && (sys_admin || filter_system_calls()) && leave_capabilities(sys_admin)) ::execvp(*command, command);
  std::fprintf(stderr, "postern-container: %s: %s\n", *command, std::strerror(errno));
  return kOurFailure;
}

}  // namespace

}  // namespace postern::lab

int main(int argc, char** argv) { return postern::lab::run_program("postern-container", postern::lab::run, argc, argv); }
