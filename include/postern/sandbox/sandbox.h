// sandbox.h - the process gives up what it does not need, for good, before a byte of somebody else's reaches it.
//
//   mounts         an own mount namespace whose root holds only the named directories, read-only
//   capabilities   none but the named, in no set; no_new_privs
//   landlock       files may be read below those directories, and nothing else be done with them
//   seccomp        only the system calls of the rooms' lists; any other one that is known kills
//
// Limits: descriptors that are open keep what they lead to. Mounts of the host are never touched: ours are slaves of them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "postern/base/result.h"
#include "postern/base/syscall_rule.h"

struct sock_filter;

namespace postern::sandbox {

enum class Layer { mounts, capabilities, landlock, seccomp };
std::string_view name_of(Layer layer);

/// Which layers are wanted.
struct Layers {
  bool mounts = false;
  bool capabilities = false;
  bool landlock = false;
  bool seccomp = false;

  static constexpr Layers all() { return {true, true, true, true}; }
};

enum class Dumpable { no, yes };  // no: nobody but root may look into /proc/PID or trace us, PR_SET_DUMPABLE

struct Plan {
  Layers layers = Layers::all();
  std::vector<std::string> directories;  // of the host, that stay; what does not exist is left out
  std::vector<std::string> files;        // of the host, that stay alive: with the directory of every link on the way to them
  std::vector<int> socket_folders;       // descriptors of folders out of which a file of ours will be removed at the end
  std::vector<int> capabilities;         // CAP_ numbers that stay, if we have them
  Dumpable dumpable = Dumpable::no;
  std::vector<SyscallRules> syscalls;
  std::shared_ptr<const std::vector<sock_filter>> filter;  // of `syscalls`, where compile_ahead() has made it
};

/// Compiles the filter of system calls now and not in enter(): a millisecond, for a place where something is waited for anyway.
void compile_ahead(Plan& plan);

/// best_effort: a layer that cannot be had is told, and the others are taken. landlock is always so: a kernel may lack it.
enum class Strictness { required, best_effort };

struct Missing {
  Layer layer;
  Error why;
};

/// Irreversible. The last step before the first frame; one thread, no child needed any more (RLIMIT_NPROC is 0 afterwards).
/// Without CAP_SYS_ADMIN the mounts are made in a new user namespace, in which our ids are the same and the host's capabilities
/// are lost. Returns what could not be had. Errors: a layer that is required; then the process must end.
Result<std::vector<Missing>> enter(const Plan& plan, Strictness strictness);

/// Whether the capability (CAP_...) is effective now, in our user namespace.
bool has_capability(int capability);

}  // namespace postern::sandbox
