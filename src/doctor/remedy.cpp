#include "remedy.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace postern::doctor {

namespace {

/// As the container's starter wants it: arguments, or keys of the pod.
std::string option_text(const Confinement& around, Need need) {
  const bool apparmor = !around.apparmor_profile.empty();
  if (around.container == Container::kubernetes) {
    switch (need) {
      case Need::namespaces:
        return apparmor ? "seccompProfile: {type: Unconfined}, appArmorProfile: {type: Unconfined}"
                        : "seccompProfile: {type: Unconfined}";
      case Need::whole_proc: return "procMount: Unmasked";
      case Need::tun: return "a device plugin that offers /dev/net/tun";
    }
  }
  switch (need) {
    case Need::namespaces:
      return apparmor ? "--security-opt seccomp=unconfined --security-opt apparmor=unconfined"
                      : "--security-opt seccomp=unconfined";
    case Need::whole_proc:
      return around.container == Container::podman ? "--security-opt unmask=ALL" : "--security-opt systempaths=unconfined";
    case Need::tun: return "--device /dev/net/tun";
  }
  return {};
}

std::string_view starter(Container container) { return container == Container::podman ? "podman run" : "docker run"; }

bool is_capability_error(int error) { return error == EPERM || error == EACCES; }

}  // namespace

std::string words(int error) {
  const char* description = ::strerrordesc_np(error);
  const char* name = ::strerrorname_np(error);
  return description && name ? fmt::format("{} ({})", description, name) : fmt::format("error {}", error);
}

std::string container_option(const Confinement& around, Need need) {
  const std::string option = option_text(around, need);
  if (around.container != Container::kubernetes) return fmt::format("{} {}", starter(around.container), option);
  if (need == Need::tun) return fmt::format("give the pod {}", option);
  // Kubernetes allows an unmasked /proc only to pods with a user namespace of their own.
  const std::string_view pod = need == Need::whole_proc ? "hostUsers: false, " : "";
  return fmt::format("in the pod: {}securityContext: {{{}}}", pod, option);
}

std::string container_options(const Confinement& around) {
  const std::string namespaces = option_text(around, Need::namespaces), proc = option_text(around, Need::whole_proc);
  const std::string tun = option_text(around, Need::tun);
  if (around.container != Container::kubernetes) {
    return fmt::format("{} {} {} {}", starter(around.container), namespaces, proc, tun);
  }
  return fmt::format("in the pod: hostUsers: false, securityContext: {{{}, {}}}, and {}", namespaces, proc, tun);
}

std::string_view name_of(Container container) {
  switch (container) {
    case Container::none: return "none";
    case Container::docker: return "docker";
    case Container::podman: return "podman";
    case Container::kubernetes: return "kubernetes";
  }
  return {};
}

std::string set_sysctl(Container container, std::string_view name, std::string_view value) {
  const std::string_view quote = value.find(' ') == value.npos ? "" : "\"";
  const std::string setting = fmt::format("{}={}{}{}", name, quote, value, quote);
  if (container == Container::none) return "sudo sysctl " + setting;
  if (!name.starts_with("net.")) return "on the container's host: sudo sysctl " + setting;
  if (container == Container::kubernetes) {
    return fmt::format("in the pod: securityContext: {{sysctls: [{{name: {}, value: \"{}\"}}]}}", name, value);
  }
  return fmt::format("{} --sysctl {}", starter(container), setting);
}

Cause why_refused(const Facts& facts, int error) {
  const Confinement& around = facts.around;
  if (error == EAGAIN) return {"no more processes are allowed you (RLIMIT_NPROC)", "ulimit -u $(ulimit -H -u)"};
  if (error == EMFILE) return {"no more open files are allowed you (RLIMIT_NOFILE)", "ulimit -n $(ulimit -H -n)"};
  if (!is_capability_error(error)) return {words(error), ""};
  if (!facts.caller.ids_mapped) {
    return {"your user or group id is unknown in this user namespace", "run as a user that /proc/self/uid_map and gid_map cover"};
  }
  if (facts.sysctls.unprivileged_userns_clone == 0) {
    return {"user namespaces are off", set_sysctl(around.container, "kernel.unprivileged_userns_clone", "1")};
  }
  if (facts.sysctls.apparmor_restrict_userns == 1) {
    return {"AppArmor restricts user namespaces",
            set_sysctl(around.container, "kernel.apparmor_restrict_unprivileged_userns", "0")};
  }
  if (around.root_is_chroot) {
    return {"the root directory is a chroot, in which Linux refuses user namespaces",
            "enter it by pivot_root instead: bwrap --dev-bind DIRECTORY / postern ..."};
  }
  if (around.container != Container::none) {
    return {fmt::format("the {} container forbids it", name_of(around.container)), container_option(around, Need::namespaces)};
  }
  if (around.seccomp_filter) {
    return {"a seccomp filter forbids it",
            "run it outside the filter; in a systemd unit: RestrictNamespaces=no, SystemCallFilter="};
  }
  if (!around.apparmor_profile.empty()) {
    return {fmt::format("the AppArmor profile {} forbids it", around.apparmor_profile),
            fmt::format("add \"userns, mount, umount, capability,\" to the profile {}", around.apparmor_profile)};
  }
  return {fmt::format("refused: {}", words(error)),
          "find out who refuses: a security module (sudo dmesg | grep -i denied), or a chroot"};
}

}  // namespace postern::doctor
