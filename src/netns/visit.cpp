#include "postern/netns/visit.h"

#include <fcntl.h>
#include <sched.h>

#include "postern/base/assert.h"

namespace postern::netns {

Result<Visit> Visit::begin(const UniqueFd& network) {
  UniqueFd home(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!home) return fail_errno("open", "/proc/thread-self/ns/net");
  if (::setns(network.get(), CLONE_NEWNET) < 0) return fail_errno("enter the network namespace");
  return Visit(std::move(home));
}

Visit::~Visit() {
  if (home_) POSTERN_ASSERT(::setns(home_.get(), CLONE_NEWNET) == 0);
}

}  // namespace postern::netns
