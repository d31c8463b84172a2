// lab.h - a lab: two hosts made of namespaces and the link between them (topology.h), for tests and for scripts.
//
//   test or postern-lab ──lifeline──► keeper, pid 1 ── processes of both hosts
//                        (socket)     own mount, pid, ipc, uts namespaces; a network namespace for each host
//
// Nothing outlives it: when the lab's object or its process ends, SIGKILL included, the lifeline closes, the keeper ends and the
// kernel ends every process, namespace, link and mount that was made. Labs do not see each other.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

#include "keeper.h"
#include "machine.h"

namespace postern::lab {

/// The build folder this program stands in (BUILD/tests/bin/program), if it has a bin/; else empty.
std::string build_tree();

struct Config {
  unsigned mtu_bytes = 1500;
  Families families = Families::both;
  std::string tree = build_tree();  // shown at kTree, its bin/ first in PATH, reachable for every uid wherever it lies
};

struct ProcessSeen {
  pid_t pid = 0;  // in the lab
  uid_t uid = 0;  // as the caller sees it
  std::string name;
};

class [[nodiscard]] Lab {
 public:
  /// As root, or as an ordinary user who may make user namespaces; takes some 30 ms.
  static Result<Lab> make(const Config& config = {});
  Lab(Lab&&) = default;
  Lab& operator=(Lab&&) = delete;
  ~Lab();

  const Machine& host() const { return host_; }
  const Machine& remote() const { return remote_; }
  /// Why `feature` ("tun", "subuid", "cubic") could not be given to this lab; nullptr when it is there.
  const std::string* missing(std::string_view feature) const;
  const std::vector<std::string>& missing() const { return missing_; }
  /// Every process of the lab but the keeper, nested pid namespaces included.
  std::vector<ProcessSeen> processes() const;
  pid_t keeper() const { return keeper_; }  // as the caller sees it

 private:
  Lab(pid_t keeper, UniqueFd lifeline, std::vector<std::string> missing);

  pid_t keeper_;
  UniqueFd lifeline_;
  Machine host_, remote_;
  std::vector<std::string> missing_;
};

}  // namespace postern::lab
