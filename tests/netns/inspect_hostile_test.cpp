// inspect_hostile_test.cpp - what root's inspection meets in the namespaces of those who do not want it to come back.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "postern/inspect/inspect.h"
#include "postern/netns/census.h"

#include "open_files.h"
#include "own_namespace.h"
#include "resident.h"

namespace postern::inspect {
namespace {

/// Stops every other child of `parent` that it may, for ever.
void stop_children_of(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const std::string path = "/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children";
  for (;;) {
    std::ifstream children(path);
    for (pid_t child = 0; children >> child;) {
      if (child != ::getppid()) ::kill(child, SIGSTOP);
    }
  }
}

TEST(InspectHostile, WhoRulesANamespaceCannotStopRootInIt) {
  if (::getuid() != 0) GTEST_SKIP() << "missing: root, who looks";
  if (::access("/proc/thread-self/children", R_OK) != 0) GTEST_SKIP() << "missing: CONFIG_PROC_CHILDREN";
  const pid_t test = ::getpid();
  const Resident theirs([test] {
    if (!become_nobody() || !enter_own_namespaces()) return false;
    const pid_t stopper = ::fork();
    if (stopper == 0) stop_children_of(test);
    return stopper > 0;
  });
  if (!theirs.good()) GTEST_SKIP() << "missing: user namespaces of ordinary users";
  for (int round = 0; round < 10; ++round) {
    const netns::Census all = value(netns::take_census());
    const auto view = inspect_namespace(value(netns::find_namespace(theirs.pid(), all)), all);
    ASSERT_TRUE(view) << view.error().message();
    EXPECT_EQ(view->devices.size(), 1u);
  }
}

/// A file system (FUSE) of a folder in a folder with a file in it, "net/tun", that never answers FLUSH, which close(2) waits for.
class SilentFiles {
 public:
  explicit SilentFiles(int device) : device_(device) {}
  /// For ever; tells `asked` of each FLUSH.
  void serve(int asked) {
    alignas(fuse_in_header) std::array<char, 1 << 17> request;
    for (;;) {
      if (::read(device_, request.data(), request.size()) <= 0) ::_exit(0);
      const auto& head = *reinterpret_cast<const fuse_in_header*>(request.data());
      if (head.opcode == FUSE_FLUSH) {
        if (::write(asked, "F", 1) != 1) ::_exit(1);
      } else if (head.opcode != FUSE_FORGET && head.opcode != FUSE_BATCH_FORGET && head.opcode != FUSE_INTERRUPT) {
        answer(head, request.data() + sizeof head);
      }
    }
  }

 private:
  static constexpr uint64_t kFolder = 2, kFile = 3;

  void answer(const fuse_in_header& head, const char* body) {
    if (head.opcode == FUSE_INIT) {
      fuse_init_out begun{};
      begun.major = FUSE_KERNEL_VERSION, begun.minor = 31, begun.max_write = 1 << 16;
      return reply(head, begun);
    }
    if (head.opcode == FUSE_LOOKUP) {
      fuse_entry_out entry{};
      entry.nodeid = std::strcmp(body, "net") == 0 ? kFolder : kFile;
      entry.attr = attributes(entry.nodeid);
      return reply(head, entry);
    }
    if (head.opcode == FUSE_GETATTR) {
      fuse_attr_out attributes_out{};
      attributes_out.attr = attributes(head.nodeid);
      return reply(head, attributes_out);
    }
    if (head.opcode == FUSE_OPEN || head.opcode == FUSE_OPENDIR) return reply(head, fuse_open_out{});
    const fuse_out_header refused{sizeof refused, -ENOSYS, head.unique};
    if (::write(device_, &refused, sizeof refused) < 0) ::_exit(1);
  }
  static fuse_attr attributes(uint64_t node) {
    fuse_attr attr{};
    attr.ino = node, attr.nlink = 1, attr.blksize = 4096;
    attr.mode = node == kFile ? S_IFREG | 0666 : S_IFDIR | 0755;
    return attr;
  }
  template <class Body>
  void reply(const fuse_in_header& head, const Body& body) {
    struct {
      fuse_out_header head;
      Body body;
    } whole{{sizeof(fuse_out_header) + sizeof(Body), 0, head.unique}, body};
    if (::write(device_, &whole, sizeof(fuse_out_header) + sizeof(Body)) < 0) ::_exit(1);
  }

  int device_;
};

struct Opened {
  pid_t pid = 0;
  int descriptor = -1;
};

/// Mounts them at `folder`, in namespaces of its own, has a process open the file and tell of it, and serves. Whoever has the
/// file open cannot end before the server: the server is the parent.
void open_silent_file(const std::string& folder, int told, int asked) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!enter_own_namespaces() || ::unshare(CLONE_NEWNS) < 0) ::_exit(1);
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) ::_exit(1);
  const int device = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
  const std::string options = "fd=" + std::to_string(device) + ",rootmode=40000,user_id=0,group_id=0";
  if (device < 0 || ::mount("silent", folder.c_str(), "fuse", 0, options.c_str()) < 0) ::_exit(1);
  if (::fork() == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(device);
    const Opened opened{::getpid(), ::open((folder + "/net/tun").c_str(), O_RDWR | O_CLOEXEC)};
    if (opened.descriptor < 0 || ::write(told, &opened, sizeof opened) != sizeof opened) ::_exit(1);
    for (;;) ::pause();
  }
  ::close(told);
  SilentFiles(device).serve(asked);
}

class Pipe {
 public:
  Pipe() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    read_end = UniqueFd(ends[0]);
    write_end = UniqueFd(ends[1]);
  }
  UniqueFd read_end, write_end;
};

class InspectHostileFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "silent.XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    if (!enter_own_namespaces()) GTEST_SKIP() << "missing: user namespaces";
  }
  void TearDown() override {
    if (server_ > 0) {
      ::kill(server_, SIGKILL);
      ::waitpid(server_, nullptr, 0);
    }
    std::filesystem::remove(folder_);
  }
  std::string folder_;
  pid_t server_ = -1;
};

TEST_F(InspectHostileFiles, AFileThatTookATapsPlaceDoesNotHoldUsUp) {
  Pipe told, asked;
  server_ = ::fork();
  if (server_ == 0) open_silent_file(folder_, told.write_end.get(), asked.write_end.get());
  told.write_end.reset();
  Opened opened;
  if (::read(told.read_end.get(), &opened, sizeof opened) != static_cast<ssize_t>(sizeof opened))
    GTEST_SKIP() << "missing: FUSE in user namespaces";
  std::vector<OpenTap> taps(1);
  taps[0].device = "tap7", taps[0].program.pid = opened.pid, taps[0].descriptor = opened.descriptor;
  ask_namespaces(taps);  // comes back
  EXPECT_EQ(taps[0].device_netns, 0u);
  pollfd was_asked{asked.read_end.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&was_asked, 1, 60'000), 1) << "the file's close was not waited for";
}

}  // namespace
}  // namespace postern::inspect
