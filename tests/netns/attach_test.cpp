// attach_test.cpp - `postern attach`: a namespace that somebody else made gets a network, and postern ends when that does.
//
//   host (postern here)  =========  remote: nginx
//     └─ tap0 of a namespace made by unshare(1) or ip-netns(8)
#include <fmt/format.h>

#include <csignal>

#include "postern_test.h"

namespace postern::lab {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using namespace std::chrono_literals;

class Attach : public PosternAs {
 protected:
  std::vector<Server> servers() const override { return {Server::http}; }

  /// A process in user and network namespaces of its own, by unshare(1).
  Process make_namespace(std::string_view script = "exec sleep infinity") {
    Process made = start_sh(fmt::format("exec unshare --user --map-root-user --net sh -c 'echo made; {}'", script));
    EXPECT_TRUE(says(made, "made")) << made.err();
    return made;
  }
  Outcome inside(const Process& made, std::string_view script) const {
    return sh(fmt::format("exec nsenter -t {} -U -n --preserve-credentials sh -c '{}'", made.pid(), script));
  }
  /// Whether the kernel inside gives TCP to `tap` in superframes: ETHTOOL_GTSO of linux/ethtool.h, by SIOCETHTOOL.
  std::string superframes_of(const Process& made, std::string_view tap) const {
    return inside(made, fmt::format(R"sh(python3 -c "import array, fcntl, socket, struct
value = array.array(\"I\", [0x1e, 0])
fcntl.ioctl(socket.socket(), 0x8946, struct.pack(\"16sP16x\", b\"{}\", value.buffer_info()[0]))
print(value[1])")sh",
                                    tap))
        .out;
  }
  /// Returns when it says that it is ready, which goes to its standard output.
  Process attach(std::string_view arguments, std::string_view before = "exec") {
    Process attached = start_sh(fmt::format("{} postern attach --ready-fd 5 {} 5>&1", before, arguments));
    EXPECT_TRUE(says(attached, "1")) << attached.err();
    return attached;
  }
  Process attach(const Process& made) { return attach(fmt::format("--configure {} tap0", made.pid())); }

  static void expect_end(Process& attached, int status, std::string_view line) {
    EXPECT_EQ(attached.wait(5s), status);
    EXPECT_THAT(attached.err(), AllOf(IsOneLine(), HasSubstr(line)));
  }
};
FOR_USER_AND_ROOT(Attach);

TEST_P(Attach, ConfiguresTheNamespaceUntilItIsTold) {
  const Process made = make_namespace();
  Process attached = attach(made);
  EXPECT_EQ(inside(made, "curl -s http://$LAB_REMOTE4/; curl -s http://[$LAB_REMOTE6]/").out, fmt::format("{0}{0}", kPageText));
  EXPECT_THAT(inside(made, "ip -o addr").out, AllOf(HasSubstr("inet 127.0.0.1/8"), HasSubstr("tap0    inet 10.0.2.100/24")));
  attached.signal(SIGTERM);
  expect_end(attached, 0, "ended by signal 15");
  EXPECT_THAT(inside(made, "ip -o link | cut -d: -f2").out, " lo\n") << "the TAP was postern's own";
}

TEST_P(Attach, TakesMtuMacAndNetwork) {
  const Process made = make_namespace();
  const Process attached =
      attach(fmt::format("-c --mtu 1500 --cidr 10.9.0.0/16 --macaddress 02:00:5e:00:53:01 --no-ipv6 {} uplink", made.pid()));
  EXPECT_THAT(inside(made, "ip addr show dev uplink").out,
              AllOf(HasSubstr("mtu 1500"), HasSubstr("02:00:5e:00:53:01"), HasSubstr("10.9.0.100/16"), Not(HasSubstr("fd00::"))));
}

TEST_P(Attach, WorksFromInsideTheUserNamespace) {
  const Process made = make_namespace();
  const Process attached = attach(fmt::format("--configure {} tap0", made.pid()),
                                  fmt::format("exec nsenter -t {} --user --preserve-credentials", made.pid()));
  EXPECT_EQ(inside(made, "curl -s http://$LAB_REMOTE4/").out, kPageText);
}

TEST_P(Attach, ServesATapThatSomebodyElseConfigured) {
  const Process made = make_namespace();
  ASSERT_THAT(inside(made, R"(ip tuntap add mine mode tap && ip link set mine up && ip addr add 10.0.2.15/24 dev mine &&
                              ip route add default via 10.0.2.2)"),
              Succeeds());
  EXPECT_EQ(superframes_of(made, "mine"), "0\n");
  Process attached = attach(fmt::format("{} mine", made.pid()));
  EXPECT_EQ(inside(made, "curl -s http://$LAB_REMOTE4/").out, kPageText);
  EXPECT_EQ(superframes_of(made, "mine"), "1\n");
  attached.signal(SIGINT);
  expect_end(attached, 0, "ended by signal 2");
  EXPECT_THAT(inside(made, "ip -o addr show dev mine").out, HasSubstr("10.0.2.15/24")) << "it was not postern's to remove";
  EXPECT_EQ(superframes_of(made, "mine"), "0\n") << "whoever opens it next may know of none";
}

// As QEMU leaves it: the header of a persistent TAP stays as long as whoever had it last wanted it.
TEST_P(Attach, ServesATapWhoseVnetHeaderWasLongerOnce) {
  const Process made = make_namespace();
  ASSERT_THAT(inside(made, R"sh(python3 -c "import fcntl, struct
tap = open(\"/dev/net/tun\", \"r+b\", 0)
fcntl.ioctl(tap, 0x400454ca, struct.pack(\"16sH22x\", b\"mine\", 0x5002))  # TUNSETIFF: IFF_TAP, IFF_NO_PI, IFF_VNET_HDR
fcntl.ioctl(tap, 0x400454d8, struct.pack(\"i\", 12))                       # TUNSETVNETHDRSZ
fcntl.ioctl(tap, 0x400454cb, 1)                                          # TUNSETPERSIST
")sh"),
              Succeeds());
  const Process attached = attach(fmt::format("--configure {} mine", made.pid()));
  EXPECT_EQ(inside(made, "curl -s http://$LAB_REMOTE4/").out, kPageText);
}

TEST_P(Attach, EndsWhenTheProcessDoesThoughOthersLiveOn) {
  Process made = make_namespace("sleep infinity & wait");
  Process attached = attach(made);
  const std::string pid = std::to_string(made.pid());
  Process other =
      start_sh(fmt::format("exec nsenter -t {} -U -n --preserve-credentials sh -c 'echo other; exec sleep infinity'", pid));
  ASSERT_TRUE(says(other, "other"));
  made.signal(SIGKILL);
  expect_end(attached, 0, fmt::format("process {} has ended", pid));
  EXPECT_TRUE(other.running());
}

// There nothing is mounted or unmounted: what the link leads to has gone.
TEST_P(Attach, EndsWhenAPathOfProcDoes) {
  Process made = make_namespace();
  const std::string path = fmt::format("/proc/{}/ns/net", made.pid());
  Process attached = attach("--configure " + path + " tap0");
  EXPECT_EQ(inside(made, "curl -s http://$LAB_REMOTE4/").out, kPageText);
  made.signal(SIGKILL);
  expect_end(attached, 0, path + " has ended");
}

/// Namespaces with a name in the file system: mounts, so somebody's who may mount.
class AttachPath : public Attach {
 protected:
  /// As root with ip-netns(8); as the user in user and mount namespaces of his own, as podman and RootlessKit do it. postern runs
  /// there too.
  void SetUp() override {
    Attach::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    folder_ = role() == Role::root ? "/run/netns" : std::string(kTemporary) + "/netns";
    if (role() == Role::root) return;
    around_.emplace(
        start_sh("exec unshare --user --map-root-user --mount sh -c 'mkdir $TMPDIR/netns; echo made; exec sleep infinity'"));
    ASSERT_TRUE(says(*around_, "made"));
  }
  std::string enter() const {
    return around_ ? fmt::format("exec nsenter -t {} -U -m --preserve-credentials", around_->pid()) : "exec";
  }
  Outcome around(std::string_view script) { return sh(fmt::format("{} sh -c '{}'", enter(), script)); }
  Outcome add(std::string_view name) {
    return around(fmt::format("touch {0}/{1}; unshare --net mount --bind /proc/self/ns/net {0}/{1}", folder_, name));
  }
  std::string path(std::string_view name) const { return fmt::format("{}/{}", folder_, name); }

  std::string folder_;
  std::optional<Process> around_;
};
FOR_USER_AND_ROOT(AttachPath);

TEST_P(AttachPath, EndsWhenItIsDeletedAsIpNetnsDoes) {
  ASSERT_THAT(add("web"), Succeeds());
  Process attached = attach("--configure " + path("web") + " tap0", enter());
  EXPECT_EQ(around(fmt::format("nsenter --net={} curl -s http://$LAB_REMOTE4/", path("web"))).out, kPageText);
  ASSERT_THAT(add("other"), Succeeds()) << "what happens beside it does not matter";
  ASSERT_THAT(around(fmt::format("umount {0} && rm {0}", path("other"))), Succeeds());
  EXPECT_TRUE(attached.running());
  ASSERT_THAT(around(fmt::format("umount -l {0} && rm {0}", path("web"))), Succeeds());
  expect_end(attached, 0, path("web") + " has ended");
}

TEST_P(AttachPath, EndsWhenItIsUnmounted) {
  ASSERT_THAT(add("web"), Succeeds());
  Process attached = attach("--configure " + path("web") + " tap0", enter());
  ASSERT_THAT(around(fmt::format("umount {}", path("web"))), Succeeds());
  expect_end(attached, 0, path("web") + " has ended");
}

TEST_P(AttachPath, EndsWhenAnotherNamespaceTakesItsPlace) {
  ASSERT_THAT(add("web"), Succeeds());
  Process attached = attach("--configure " + path("web") + " tap0", enter());
  ASSERT_THAT(add("web"), Succeeds()) << "mounted over the first";
  expect_end(attached, 0, path("web") + " has ended");
}

TEST_P(AttachPath, TakesARelativePath) {
  ASSERT_THAT(add("web"), Succeeds());
  Process attached = attach("--configure web tap0", fmt::format("{} env --chdir={}", enter(), folder_));
  ASSERT_THAT(around(fmt::format("umount -l {0} && rm {0}", path("web"))), Succeeds());
  expect_end(attached, 0, "web has ended");
}

TEST_P(Attach, EndsWithAStatusWhenTheTapIsDeleted) {
  const Process made = make_namespace();
  Process attached = attach(made);
  ASSERT_THAT(inside(made, "ip link del tap0"), Succeeds());
  expect_end(attached, 1, "tap0 was deleted");
}

TEST_P(Attach, DoesNotShareATap) {
  const Process made = make_namespace();
  Process attached = attach(made);
  const Outcome second = sh(fmt::format("postern attach {} tap0", made.pid()));
  EXPECT_THAT(second, EndsWithStatus(1));
  EXPECT_THAT(second.err, AllOf(IsOneLine(), HasSubstr("tap0"), HasSubstr("busy")));
  EXPECT_EQ(inside(made, "curl -s http://$LAB_REMOTE4/").out, kPageText) << "the first is unharmed";
}

}  // namespace
}  // namespace postern::lab
