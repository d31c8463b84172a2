// doctor.h - what this host allows the calling user, what is missing, and the command that mends it.
#pragma once

#include <string>

#include "postern/base/result.h"

namespace postern::doctor {

enum class Format { text, json };

/// Examines the host as the calling user finds it and prints the report to standard output; src/doctor/README.md has the shape
/// of the JSON. Nothing on the host is changed: what must be tried is tried in a child with namespaces of its own.
/// Returns the exit status: 0, or 1 where `postern run` could not work. Call it before any thread is started, for it forks.
int run_doctor(Format format);

/// What mends the host so that `error`, of Workload::create() or relay::connect_tap(), does not come again: "sudo modprobe tun".
/// Empty if the host is not to blame, or the error names its own remedy. Examines the host anew: for the way of failure only.
std::string remedy_for(const Error& error);

}  // namespace postern::doctor
