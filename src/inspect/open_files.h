// open_files.h - which programs have which sockets and TAPs open, as far as /proc/PID/fd may be read: ptrace(2) access mode.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "postern/inspect/namespace_view.h"

namespace postern::inspect {

struct OpenTap {
  std::string device;
  ino_t device_netns = 0;  // 0: the kernel did not say
  Program program;
  ino_t program_netns = 0;
  int descriptor = -1;  // the program's
};

struct OpenFiles {
  std::map<uint64_t, std::vector<Program>> sockets;  // by inode; a program once each
  std::vector<OpenTap> taps;
  size_t unreadable = 0;  // processes
};

/// As /proc, which for tests is elsewhere, shows them: TAPs without their devices' namespaces.
OpenFiles list_open_files(const std::string& proc);
/// Puts these to the TAPs. Their descriptors are borrowed, and closed again, in a child that may hang: in the meantime a program
/// may have put something else in a descriptor's place, a file whose close(2) waits for a file system (FUSE) of the program's.
void ask_namespaces(std::vector<OpenTap>& taps);

/// Both.
OpenFiles read_open_files();

}  // namespace postern::inspect
