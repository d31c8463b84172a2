// diagnosis_test.cpp - each way in which a host can be poor, as facts, and what is said of it.
#include "diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "pretence.h"
#include "sound_host.h"

namespace postern::doctor {
namespace {

using ::testing::AllOf;
using ::testing::Field;
using ::testing::HasSubstr;

Finding find(const std::vector<Finding>& findings, std::string_view check) {
  const auto found =
      std::find_if(findings.begin(), findings.end(), [&](const Finding& finding) { return finding.check == check; });
  return found == findings.end() ? Finding{"absent", Verdict::unknown, "", "", ""} : *found;
}
Finding diagnosed(const Facts& facts, std::string_view check) { return find(diagnose(facts), check); }

auto is(Verdict verdict, std::string_view found, std::string_view remedy) {
  return AllOf(Field("verdict", &Finding::verdict, verdict), Field("found", &Finding::found, HasSubstr(std::string(found))),
               Field("remedy", &Finding::remedy, HasSubstr(std::string(remedy))));
}

/// clone(2) refuses: as a whole, and user namespaces by themselves.
Facts refused(int error) {
  Facts facts = sound_host();
  facts.trial = {};
  facts.trial.all = facts.trial.user = error;
  return facts;
}

/// clone(2) lets user namespaces be, but not with the other kind.
Facts without(int NamespaceTrial::*kind) {
  Facts facts = refused(ENOSPC);
  facts.trial.user = facts.trial.network = facts.trial.mount = facts.trial.pid = 0;
  facts.trial.*kind = ENOSPC;
  return facts;
}

Facts in(Container container) {
  Facts facts = sound_host();
  facts.around.container = container;
  return facts;
}

TEST(Diagnosis, ASoundHostHasNothingToMend) {
  for (const Finding& finding : diagnose(sound_host())) {
    EXPECT_EQ(finding.verdict, Verdict::ok) << finding.check << ": " << finding.found;
    EXPECT_EQ(finding.breaks + finding.remedy, "") << finding.check;
  }
  EXPECT_TRUE(run_works(diagnose(sound_host())));
}

TEST(Diagnosis, EveryCheckCanBePretendedToFail) {
  std::set<std::string> names;
  for (const Finding& finding : diagnose(sound_host())) names.insert(finding.check);
  names.erase("container");
  const auto known = pretences();
  EXPECT_EQ(names, std::set<std::string>(known.begin(), known.end()));
  for (const std::string_view name : known) {
    Facts facts = sound_host();
    spoil(facts, name);
    const Finding finding = diagnosed(facts, name);
    EXPECT_TRUE(finding.verdict == Verdict::missing || finding.verdict == Verdict::limited) << name;
    EXPECT_NE(finding.breaks, "") << name;
    EXPECT_NE(finding.remedy, "") << name;
  }
}

TEST(Diagnosis, OnlyWhatRunCannotDoWithoutIsMissing) {
  const std::set<std::string_view> needed = {"userns", "netns", "mntns", "pidns", "mounts", "tun", "pidfd", "seccomp"};
  for (const std::string_view name : pretences()) {
    Facts facts = sound_host();
    spoil(facts, name);
    EXPECT_EQ(run_works(diagnose(facts)), !needed.contains(name)) << name;
  }
}

TEST(Diagnosis, NeededChecksComeFirst) {
  const std::vector<Finding> findings = diagnose(sound_host());
  EXPECT_EQ(findings.front().check, "userns");
  EXPECT_EQ(findings[6].check, "pidfd");
  EXPECT_EQ(findings.size(), pretences().size() + 1);
}

TEST(UserNamespaces, OffByDebiansSysctl) {
  Facts facts = refused(EPERM);
  facts.sysctls.unprivileged_userns_clone = 0;
  EXPECT_THAT(diagnosed(facts, "userns"),
              is(Verdict::missing, "user namespaces are off", "sudo sysctl kernel.unprivileged_userns_clone=1"));
}

TEST(UserNamespaces, TheSysctlIsNotBlamedWhereTheyWork) {
  Facts facts = sound_host();  // root, whom it does not bind
  facts.sysctls.unprivileged_userns_clone = 0;
  facts.sysctls.apparmor_restrict_userns = 1;
  EXPECT_EQ(diagnosed(facts, "userns").verdict, Verdict::ok);
}

TEST(UserNamespaces, OffByTheirLimit) {
  Facts facts = refused(ENOSPC);
  facts.sysctls.max_user = 0;
  EXPECT_THAT(diagnosed(facts, "userns"),
              is(Verdict::missing, "user namespaces are off", "sudo sysctl user.max_user_namespaces="));
}

TEST(UserNamespaces, UsedUp) {
  Facts facts = refused(ENOSPC);
  facts.sysctls.max_user = 100;
  EXPECT_THAT(diagnosed(facts, "userns"), is(Verdict::missing, "all 100 user", "sudo sysctl user.max_user_namespaces=200"));
}

TEST(UserNamespaces, TheOtherKindsHaveLimitsOfTheirOwn) {
  struct Row {
    const char* check;
    const char* sysctl;
    int NamespaceTrial::*kind;
    std::optional<int64_t> Sysctls::*limit;
  };
  for (const auto& [check, sysctl, kind, limit] : {
           Row{"netns", "user.max_net_namespaces", &NamespaceTrial::network, &Sysctls::max_net},
           Row{"mntns", "user.max_mnt_namespaces", &NamespaceTrial::mount, &Sysctls::max_mnt},
           Row{"pidns", "user.max_pid_namespaces", &NamespaceTrial::pid, &Sysctls::max_pid},
       }) {
    Facts facts = without(kind);
    facts.sysctls.*limit = 0;
    EXPECT_THAT(diagnosed(facts, check), is(Verdict::missing, "namespaces are off", std::string("sudo sysctl ") + sysctl + "="));
    EXPECT_EQ(diagnosed(facts, "userns").verdict, Verdict::ok);
  }
}

TEST(UserNamespaces, OneThatFailsOnlyTogetherIsStillToldOf) {
  Facts facts = without(&NamespaceTrial::network);
  facts.trial.network = 0;
  EXPECT_EQ(diagnosed(facts, "userns").verdict, Verdict::missing);
}

TEST(UserNamespaces, MadeButPowerlessByAppArmor) {
  Facts facts = sound_host();
  facts.sysctls.apparmor_restrict_userns = 1;
  facts.trial.private_mounts = facts.trial.tap = EPERM;
  facts.trial.tmpfs = facts.trial.overlay = facts.trial.proc = kUntried;
  EXPECT_THAT(diagnosed(facts, "userns"), is(Verdict::missing, "AppArmor restricts user namespaces",
                                             "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"));
}

TEST(UserNamespaces, RefusedIdMapIsTheSameAsNoNamespace) {
  Facts facts = sound_host();
  facts.trial = {};
  facts.trial.all = 0;
  facts.trial.id_maps = EPERM;
  facts.sysctls.apparmor_restrict_userns = 1;
  EXPECT_THAT(diagnosed(facts, "userns"), is(Verdict::missing, "AppArmor", "apparmor_restrict_unprivileged_userns=0"));
}

TEST(UserNamespaces, NoProcMeansNoIdMap) {
  Facts facts = sound_host();
  facts.trial = {};
  facts.trial.all = 0;
  facts.trial.id_maps = ENOENT;
  EXPECT_THAT(diagnosed(facts, "userns"), is(Verdict::missing, "no /proc", "sudo mount -t proc proc /proc"));
}

TEST(UserNamespaces, RefusedInAChroot) {
  Facts facts = refused(EPERM);
  facts.around.root_is_chroot = true;
  EXPECT_THAT(diagnosed(facts, "userns"), is(Verdict::missing, "chroot", "pivot_root"));
}

TEST(UserNamespaces, RefusedToAnIdThatIsNotMapped) {
  Facts facts = refused(EPERM);
  facts.caller.ids_mapped = false;
  EXPECT_THAT(diagnosed(facts, "userns"), is(Verdict::missing, "unknown in this user namespace", "/proc/self/uid_map"));
}

TEST(UserNamespaces, NotInTheKernel) {
  EXPECT_THAT(diagnosed(refused(EINVAL), "userns"), is(Verdict::missing, "the kernel has no user namespaces", "CONFIG_USER_NS"));
}

TEST(UserNamespaces, RefusedByAFilterOutsideOfContainers) {
  Facts facts = refused(EPERM);
  facts.around.seccomp_filter = true;
  EXPECT_THAT(diagnosed(facts, "userns"), is(Verdict::missing, "seccomp filter", "RestrictNamespaces=no"));
  EXPECT_EQ(diagnosed(facts, "seccomp").verdict, Verdict::limited);
}

TEST(UserNamespaces, RefusedByALimitOfTheCaller) {
  EXPECT_THAT(diagnosed(refused(EAGAIN), "userns"), is(Verdict::missing, "RLIMIT_NPROC", "ulimit -u "));
  EXPECT_THAT(diagnosed(refused(EMFILE), "userns"), is(Verdict::missing, "RLIMIT_NOFILE", "ulimit -n "));
}

TEST(UserNamespaces, RefusedByNobodyKnown) {
  EXPECT_THAT(diagnosed(refused(EPERM), "userns"), is(Verdict::missing, "Operation not permitted (EPERM)", "dmesg"));
}

TEST(UserNamespaces, WhatDependsOnThemIsUnknownThen) {
  const auto findings = diagnose(refused(EPERM));
  for (const char* check : {"netns", "mntns", "pidns", "mounts", "proc", "sysctl", "overlay", "tun", "tso", "uso"}) {
    EXPECT_EQ(find(findings, check).verdict, Verdict::unknown) << check;
  }
}

TEST(Containers, EachNamesItsOwnOptionForNamespaces) {
  for (const auto& [container, remedy] : {
           std::pair(Container::docker, "docker run --security-opt seccomp=unconfined"),
           std::pair(Container::podman, "podman run --security-opt seccomp=unconfined"),
           std::pair(Container::kubernetes, "securityContext: {seccompProfile: {type: Unconfined}}"),
       }) {
    Facts facts = refused(EPERM);
    facts.around.container = container;
    facts.around.seccomp_filter = true;
    EXPECT_THAT(diagnosed(facts, "userns"), is(Verdict::missing, "container forbids it", remedy));
    EXPECT_EQ(diagnosed(facts, "container").breaks, "userns");
  }
}

TEST(Containers, EachNamesItsOwnOptionForProc) {
  for (const auto& [container, remedy] : {
           std::pair(Container::docker, "docker run --security-opt systempaths=unconfined"),
           std::pair(Container::podman, "podman run --security-opt unmask=ALL"),
           std::pair(Container::kubernetes, "procMount: Unmasked"),
           std::pair(Container::none, "grep ' /proc/' /proc/self/mountinfo"),
       }) {
    Facts facts = in(container);
    facts.trial.proc = EPERM;
    EXPECT_THAT(diagnosed(facts, "proc"), is(Verdict::limited, "", remedy));
    EXPECT_TRUE(run_works(diagnose(facts)));
  }
}

TEST(Containers, EachNamesItsOwnOptionForTheTunDevice) {
  for (const auto& [container, remedy] : {
           std::pair(Container::docker, "docker run --device /dev/net/tun"),
           std::pair(Container::podman, "podman run --device /dev/net/tun"),
           std::pair(Container::kubernetes, "device plugin"),
           std::pair(Container::none, "sudo modprobe tun"),
       }) {
    Facts facts = in(container);
    facts.tun = {.stat = ENOENT, .is_tun = false};
    EXPECT_THAT(diagnosed(facts, "tun"), is(Verdict::missing, "/dev/net/tun does not exist", remedy));
  }
}

TEST(Containers, DockersAppArmorProfileHasAnOptionToo) {
  Facts facts = in(Container::docker);
  facts.around.apparmor_profile = "docker-default";
  facts.trial.private_mounts = EACCES;
  facts.trial.tmpfs = kUntried;
  EXPECT_THAT(diagnosed(facts, "mounts"), is(Verdict::missing, "forbids", "--security-opt apparmor=unconfined"));
}

TEST(Containers, AllOptionsStandInOneCommand) {
  Facts facts = in(Container::docker);
  facts.tun = {.stat = ENOENT, .is_tun = false};
  EXPECT_EQ(diagnosed(facts, "container").remedy,
            "docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined --device /dev/net/tun");
  EXPECT_EQ(diagnosed(facts, "container").breaks, "tun");
}

TEST(Ping, ARawSocketDoesAsWell) {
  Facts facts = sound_host();
  facts.ping_socket = EACCES;
  EXPECT_EQ(diagnosed(facts, "ping").verdict, Verdict::ok);
  facts.raw_ping_socket = EPERM;
  EXPECT_EQ(diagnosed(facts, "ping").verdict, Verdict::limited);
}

TEST(Containers, TheirNetworkSysctlsAreOptionsTheOthersTheHosts) {
  Facts facts = in(Container::docker);
  facts.ping_socket = EACCES;
  facts.raw_ping_socket = EPERM;
  EXPECT_EQ(diagnosed(facts, "ping").remedy, "docker run --sysctl net.ipv4.ping_group_range=\"0 2147483647\"");
  facts = refused(EPERM);
  facts.around.container = Container::docker;
  facts.sysctls.unprivileged_userns_clone = 0;
  EXPECT_EQ(diagnosed(facts, "userns").remedy, "on the container's host: sudo sysctl kernel.unprivileged_userns_clone=1");
}

TEST(TunDevice, EachWayToFailHasItsRemedy) {
  constexpr mode_t for_root = 0600, for_all = 0666;
  struct Row {
    TunDevice tun;
    const char* remedy;
  };
  for (const auto& [tun, remedy] : {
           Row{{.stat = ENOENT, .is_tun = false}, "sudo modprobe tun"},
           Row{{.stat = ENOENT, .is_tun = false, .driver = true}, "sudo mknod -m 0666 /dev/net/tun c 10 200"},
           Row{{.is_tun = false, .mode = for_all}, "sudo rm /dev/net/tun; "},
           Row{{.mode = for_all, .open = ENODEV}, "sudo modprobe tun"},
           Row{{.mode = for_root, .open = EACCES}, "sudo chmod 0666 /dev/net/tun"},
           Row{{.mode = for_all, .open = EACCES}, "sudo mount -o remount,dev /dev"},
           Row{{.mode = for_all, .open = EPERM}, "DeviceAllow=/dev/net/tun rw"},
       }) {
    Facts facts = sound_host();
    facts.tun = tun;
    EXPECT_THAT(diagnosed(facts, "tun"), is(Verdict::missing, "", remedy));
  }
}

TEST(TunDevice, ThatOpensMayStillMakeNoTap) {
  Facts facts = sound_host();
  facts.trial.tap = EPERM;
  EXPECT_EQ(diagnosed(facts, "tun").verdict, Verdict::missing);
}

TEST(Subordinate, EachWayToFailHasItsRemedy) {
  const Helper sound{"/usr/bin/newuidmap", true}, powerless{"/opt/newuidmap", false}, absent;
  struct Row {
    Subordinate ids;
    const char* remedy;
  };
  const std::vector<Row> rows = {
      Row{{65536, 65536, absent, sound}, "sudo apt install uidmap"},
      Row{{65536, 65536, sound, absent}, "sudo apt install uidmap"},
      Row{{65536, 65536, powerless, sound}, "sudo chmod u+s /opt/newuidmap"},
      Row{{0, 65536, sound, sound}, "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ana"},
      Row{{65536, 0, sound, sound}, "sudo usermod --add-subuids"},
  };
  for (const auto& [ids, remedy] : rows) {
    Facts facts = sound_host();
    facts.subordinate = ids;
    EXPECT_THAT(diagnosed(facts, "subid"), is(Verdict::limited, "", remedy));
  }
}

TEST(Subordinate, AnIdWithoutANameIsGivenItsLineByHand) {
  Facts facts = sound_host();
  facts.caller.name = "";
  facts.subordinate.uids = 0;
  EXPECT_EQ(diagnosed(facts, "subid").remedy, "echo 1000:100000:65536 | sudo tee -a /etc/subuid /etc/subgid");
}

TEST(Privileges, EachContainerHasItsWayToLoseNoNewPrivileges) {
  for (const auto& [container, remedy] : {
           std::pair(Container::none, "NoNewPrivileges=no"),
           std::pair(Container::docker, "no-new-privileges=false"),
           std::pair(Container::podman, "podman run without"),
           std::pair(Container::kubernetes, "allowPrivilegeEscalation: true"),
       }) {
    Facts facts = in(container);
    facts.around.no_new_privileges = true;
    EXPECT_THAT(diagnosed(facts, "privileges"), is(Verdict::limited, "no_new_privs is set", remedy));
  }
}

TEST(Privileges, AFilterThatLetsEverythingPassIsNoProblem) {
  Facts facts = sound_host();
  facts.around.seccomp_filter = true;
  EXPECT_EQ(diagnosed(facts, "seccomp").verdict, Verdict::ok);
}

TEST(HostNetwork, PingNeedsTheGroupRange) {
  Facts facts = sound_host();
  facts.ping_socket = EACCES;
  facts.raw_ping_socket = EPERM;
  facts.sysctls.ping_group_range = "1\t0\n";
  EXPECT_THAT(diagnosed(facts, "ping"), is(Verdict::limited, "ping_group_range \"1 0\" leaves out your group 1000",
                                           "sudo sysctl net.ipv4.ping_group_range=\"0 2147483647\""));
}

TEST(HostNetwork, LowPortsNeedTheSysctlOrTheCapability) {
  Facts facts = sound_host();
  facts.sysctls.unprivileged_port_start = 1024;
  EXPECT_THAT(diagnosed(facts, "ports"),
              is(Verdict::limited, "below 1024", "sudo sysctl net.ipv4.ip_unprivileged_port_start=80"));
  facts.caller.may_bind_ports = true;
  EXPECT_EQ(diagnosed(facts, "ports").verdict, Verdict::ok);
}

TEST(HostNetwork, Ipv6IsOffForDifferentReasons) {
  Facts facts = sound_host();
  facts.ipv6.default_route = false;
  EXPECT_THAT(diagnosed(facts, "ipv6"), is(Verdict::limited, "no IPv6 default route", ""));
  facts.sysctls.ipv6_disabled = 1;
  EXPECT_THAT(diagnosed(facts, "ipv6"), is(Verdict::limited, "off", "sudo sysctl net.ipv6.conf.all.disable_ipv6=0"));
  facts.ipv6.socket = EAFNOSUPPORT;
  EXPECT_THAT(diagnosed(facts, "ipv6"), is(Verdict::limited, "the kernel has no IPv6", "ipv6.disable"));
}

TEST(HostNetwork, ANameServerMustExistAndBeReachable) {
  Facts facts = sound_host();
  facts.resolver.servers = {{"2001:db8::53", ENETUNREACH}};
  EXPECT_THAT(diagnosed(facts, "dns"), is(Verdict::limited, "no way to the name server 2001:db8::53", "--dns"));
  facts.resolver.servers.push_back({"192.0.2.53", 0});
  EXPECT_THAT(diagnosed(facts, "dns"), is(Verdict::ok, "192.0.2.53", ""));
  facts.resolver.servers.clear();
  EXPECT_THAT(diagnosed(facts, "dns"), is(Verdict::limited, "names no server", "--dns"));
  facts.resolver.open = ENOENT;
  EXPECT_THAT(diagnosed(facts, "dns"), is(Verdict::limited, "/etc/resolv.conf: No such file", "--dns"));
}

std::string explained(const Facts& facts, int error, std::string context) {
  return explain({{error, std::system_category()}, std::move(context)}, diagnose(facts));
}

TEST(Explanation, NamesCauseAndRemedyOfARefusedNamespace) {
  Facts facts = refused(EPERM);
  facts.sysctls.unprivileged_userns_clone = 0;
  EXPECT_EQ(explained(facts, EPERM, "make namespaces: clone"),
            "user namespaces are off: sudo sysctl kernel.unprivileged_userns_clone=1");
}

TEST(Explanation, TheFirstNeededFindingOfTheKindCounts) {
  Facts facts = without(&NamespaceTrial::network);
  facts.sysctls.max_net = 0;
  EXPECT_THAT(explained(facts, ENOSPC, "make namespaces: clone"), HasSubstr("sudo sysctl user.max_net_namespaces="));
}

TEST(Explanation, DoesNotRepeatWhatTheErrorSays) {
  Facts facts = sound_host();
  facts.tun = {.stat = ENOENT, .is_tun = false};
  EXPECT_EQ(explained(facts, ENOENT, "namespace: connect: open /dev/net/tun"), "sudo modprobe tun");
}

TEST(Explanation, IsEmptyWhereTheHostIsNotToBlame) {
  Facts facts = sound_host();
  facts.ping_socket = EACCES;
  facts.raw_ping_socket = EPERM;
  EXPECT_EQ(explained(facts, EPERM, "make namespaces: clone"), "");
  EXPECT_EQ(explained(facts, EBUSY, "namespace: connect: TUNSETIFF tap0"), "");
  EXPECT_EQ(explained(facts, ENOENT, "open /run/netns/blue"), "");
}

TEST(Explanation, IsEmptyWhereTheErrorHasItsOwnRemedy) {
  Facts facts = sound_host();
  facts.subordinate.newuidmap = {};
  EXPECT_EQ(explain({{}, "make namespaces: newuidmap not found (sudo apt install uidmap)"}, diagnose(facts)), "");
}

TEST(Explanation, OfAFailedHelperIsWhatItLacks) {
  Facts facts = sound_host();
  facts.around.no_new_privileges = true;
  EXPECT_THAT(explain({{}, "make namespaces: --map-auto: newuidmap failed with status 1"}, diagnose(facts)),
              HasSubstr("no_new_privs is set: "));
}

}  // namespace
}  // namespace postern::doctor
