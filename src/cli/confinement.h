// confinement.h - what Postern keeps when it locks itself up: the rooms' lists of system calls put together, one place for every
// face. `run` and `attach` take all layers; the slirp4netns face takes those that its flags name.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "postern/sandbox/sandbox.h"

#include "options.h"

namespace postern::cli {

struct Confinement {
  sandbox::Layers layers = sandbox::Layers::all();
  sandbox::Strictness strictness = sandbox::Strictness::required;
  sandbox::Dumpable dumpable = sandbox::Dumpable::no;
  std::vector<std::string> directories = {"/etc"};  // stay visible, besides those that /etc/resolv.conf leads through
  std::vector<int> socket_folders;                  // descriptors: out of these a socket's file is removed at the end
  enum class RawSockets { none, as_root } raw_sockets = RawSockets::as_root;  // as_root: real root keeps CAP_NET_RAW, for ping
  std::string_view advice = {};                                               // behind an error: which option goes on without
};

/// What Postern locks itself up with, made ready ahead of the moment.
class Lock {
 public:
  explicit Lock(const Confinement& confinement);
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  /// Irreversible; after everything that needs the host (TAP, listeners, children), before the first frame. What cannot be had is
  /// said on standard error where `strictness` lets us go on. Errors: the layer, why, and what to do.
  Status close() const;

 private:
  std::vector<SyscallRule> removal_;  // of sockets' files
  sandbox::Plan plan_;
  sandbox::Strictness strictness_;
  std::string_view advice_;
};

/// What is allowed, a list a room. A room that is new adds its own here.
std::vector<SyscallRules> syscall_lists();

/// All layers, as `run` and `attach` are told. Nothing: none, which is said loudly.
std::optional<Confinement> confinement_of(SandboxMode mode, std::vector<int> socket_folders);

}  // namespace postern::cli
