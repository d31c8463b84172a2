// mounts.h - what the new mount namespace shows differently, mount_namespaces(7). All of it goes with the namespace.
#pragma once

#include <string>
#include <vector>

#include "postern/base/result.h"

namespace postern::workload {

/// A file of /etc, by its name there, and its text inside.
struct FileText {
  std::string name;
  std::string text;
};

/// mount(2) of a file system that needs no device.
Status mount_on(const char* type, const std::string& target, unsigned long flags, const std::string& options);

/// What is mounted here is not seen outside; what the host mounts is still seen here.
Status keep_mounts_to_ourselves();

/// Shows each file's text in /etc: bound over the file itself, wherever its links lead. Where there is no such file (a dangling
/// link, as of a stopped resolver), /etc becomes an overlay that has it: then what is written to /etc stays inside.
Status show_in_etc(const std::vector<FileText>& files);

/// The processes of the new PID namespace. Errors: EPERM where the host's /proc is partly covered, as in many containers.
Status mount_proc();

}  // namespace postern::workload
