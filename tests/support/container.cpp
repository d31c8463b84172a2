// container.cpp - unshare(1), and the namespace by the name that /proc has for it.
#include "container.h"

#include <fmt/format.h>

namespace postern::lab {

Result<Container> Container::start(const Machine& host) {
  POSTERN_TRY(process, host.spawn({.argv = {"unshare", "--net", "sh", "-c", "echo here; exec sleep infinity"}}), "container");
  const bool here = wait_until([&] { return !process.out().empty() || !process.running(); });
  if (!here || process.out().empty()) return fail("container: " + process.err());
  Machine inside(host.path(""), host.place(), fmt::format("/proc/{}/ns/net", process.pid()));
  return Container(std::move(inside), std::move(process));
}

void Container::end() {
  process_.signal(SIGKILL);
  process_.wait();
}

}  // namespace postern::lab
