// remedy.h - the commands that mend a host, or the container that we are in. Pure.
#pragma once

#include <string>
#include <string_view>

#include "facts.h"

namespace postern::doctor {

/// "Operation not permitted (EPERM)"
std::string words(int error);

/// What a container has to be started with so that `run` works in it.
enum class Need { namespaces, whole_proc, tun };
/// "docker run --device /dev/net/tun"; `around` is in a container.
std::string container_option(const Confinement& around, Need need);
/// The same for all needs at once.
std::string container_options(const Confinement& around);
std::string_view name_of(Container container);

/// The command that sets a sysctl; net.* belong to a container, all others to its host.
std::string set_sysctl(Container container, std::string_view name, std::string_view value);

struct Cause {
  std::string found;
  std::string remedy;
};
/// Why a namespace, or a capability in it, was refused with `error` (EPERM, EACCES and the like).
Cause why_refused(const Facts& facts, int error);

}  // namespace postern::doctor
