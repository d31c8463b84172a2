#include "postern/process/capability.h"

#include <gtest/gtest.h>
#include <linux/capability.h>

#include "postern/base/file.h"
#include "postern/process/child.h"

namespace postern::process {
namespace {

/// Of the calling thread, proc_pid_status(5): "0000000000001000".
std::string set_of(const std::string& name) {
  const std::string status = read_file("/proc/thread-self/status").value_or("");
  const size_t at = status.find(name + ":\t");
  return at == status.npos ? "" : status.substr(at + name.size() + 2, 16);
}

TEST(KeepOnlyCapability, LeavesThatOneIfWeHadIt) {
  const bool had = has_capability(CAP_NET_ADMIN);
  auto child = Child::fork(0, [had] {
    if (!keep_only_capability(CAP_NET_ADMIN)) return 1;
    const std::string expected = had ? "0000000000001000" : "0000000000000000";
    return set_of("CapEff") == expected && set_of("CapPrm") == expected ? 0 : 2;
  });
  ASSERT_TRUE(child);
  EXPECT_EQ(child->wait()->as_shell(), 0);
}

}  // namespace
}  // namespace postern::process
