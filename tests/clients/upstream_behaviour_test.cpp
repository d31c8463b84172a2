// upstream_behaviour_test.cpp - what slirp4netns's own test suite asks of a slirp4netns, in our words, of both programs: the part
// that no other case of face_test.h asks. docs/compatibility.md says of each of its 14 items where it is tested.
//
//   namespace ── tap0 ── the program, on the host ═══ remote: swallows what is sent to 10.0.0.0/8
#include "face_test.h"

namespace postern::lab {
namespace {

class Upstream : public Face {
 protected:
  void SetUp() override {
    Face::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const std::string absent = not_installed("findmnt getpcaps jq socat");
    LAB_SKIP_UNLESS(absent.empty(), "upstream", "not installed: " + absent);
    ASSERT_THAT(remote().sh("ip route add blackhole 10.0.0.0/8"), Succeeds());
  }
};
TEST_P(Upstream, Behaves) { compare(); }

// served: the program with its socket. ask TEXT: the reply. complaint TEXT: what it says is wrong with it.
#define API                                                                           \
  R"(served() { target; start -c --api-socket "$PWD/api" $N tap0; }; )"               \
  R"(ask() { printf '%s' "$1" | timeout 10 socat -t10 - UNIX-CONNECT:api; echo; }; )" \
  R"(complaint() { ask "$1" | jq -r .error.desc; }; )"                                \
  R"(add() { echo '{"execute":"add_hostfwd","arguments":{'"$1"'}}'; }; )"

constexpr FaceCase kSocket[] = {
    {"RequestThatIsNoJson", API R"sh(served; complaint '{"execute": }')sh", "ready=1\nbad request: cannot parse JSON\n"},
    {"RequestThatIsNoObject", API R"sh(served; complaint '["list_hostfwd"]')sh", "ready=1\nbad request: json_object() failed\n"},
    {"RequestOfNothing", API R"sh(served; complaint '{"answer":42}')sh", "ready=1\nbad request: no execute found\n"},
    {"RequestOfTheUnknown", API R"sh(served; complaint '{"execute":"dance"}')sh", "ready=1\nbad request: unknown execute\n"},
    {"RequestOfMoreThanFourKilobytes", API R"sh(served; complaint "{\"execute\":\"$(printf %05000d 0)\"}")sh",
     "ready=1\nbad request: too large message\n"},
    {"PortOfAnotherProtocol", API R"sh(served; complaint "$(add '"proto":"sctp","host_port":8080,"guest_port":80')")sh",
     "ready=1\nbad request: add_hostfwd: bad arguments.proto\n"},
    {"PortOfNoHostAddress",
     API R"sh(served; complaint "$(add '"proto":"tcp","host_addr":"here","host_port":8080,"guest_port":80')")sh",
     "ready=1\nbad request: add_hostfwd: bad arguments.host_addr\n"},
    {"PortOfNoHostPort", API R"sh(served; complaint "$(add '"proto":"tcp","guest_port":80')")sh",
     "ready=1\nbad request: add_hostfwd: bad arguments.host_port\n"},
    {"PortOfNoGuestAddress",
     API R"sh(served; complaint "$(add '"proto":"tcp","host_port":8080,"guest_addr":"there","guest_port":80')")sh",
     "ready=1\nbad request: add_hostfwd: bad arguments.guest_addr\n"},
    {"PortOfNoGuestPort", API R"sh(served; complaint "$(add '"proto":"tcp","host_port":8080')")sh",
     "ready=1\nbad request: add_hostfwd: bad arguments.guest_port\n"},
    {"PortThatSomebodyHas", API R"sh(served
socat TCP-LISTEN:8080,reuseaddr,fork SYSTEM:'echo host' & until ss -ltn | grep -q :8080; do :; done
complaint "$(add '"proto":"tcp","host_port":8080,"guest_port":80')")sh",
     "ready=1\nbad request: add_hostfwd: slirp_add_hostfwd failed\n"},
    {"PortThatIsNotThere", API R"sh(served; complaint '{"execute":"remove_hostfwd","arguments":{"id":7}}'
complaint '{"execute":"remove_hostfwd"}')sh",
     "ready=1\nbad request: remove_hostfwd: bad arguments.id\nbad request: remove_hostfwd: bad arguments.id\n"},
    {"PortIsAddedListedServedAndRemoved", API R"sh(served
inside socat TCP-LISTEN:80,reuseaddr,fork SYSTEM:'echo inside' & until inside ss -ltn | grep -q :80; do :; done
for host in '' '"host_addr":"","guest_addr":"",'; do
  ask "$(add "\"proto\":\"tcp\",$host\"host_port\":8080,\"guest_port\":80")"
  ask '{"execute":"list_hostfwd"}' | jq -c .entries
  socat -u TCP:127.0.0.1:8080 -; socat -u TCP:$H4:8080 -
  ask "{\"execute\":\"remove_hostfwd\",\"arguments\":{\"id\":$((id += 1))}}"
  ask '{"execute":"list_hostfwd"}' | jq -c .entries
  socat -u TCP:127.0.0.1:8080 - 2>&1 | grep -o 'Connection refused'
done)sh",
     R"(ready=1
{"return":{"id":1}}
[{"id":1,"proto":"tcp","host_addr":"0.0.0.0","host_port":8080,"guest_addr":"10.0.2.100","guest_port":80}]
inside
inside
{"return":{}}
[]
Connection refused
{"return":{"id":2}}
[{"id":2,"proto":"tcp","host_addr":"0.0.0.0","host_port":8080,"guest_addr":"10.0.2.100","guest_port":80}]
inside
inside
{"return":{}}
[]
Connection refused
)"},
};
INSTANTIATE_TEST_SUITE_P(Socket, Upstream, testing::ValuesIn(kSocket), name_of_case);

constexpr FaceCase kNetwork[] = {
    {"DnsThatIsDisabledIsAnAddressLikeAnyOther", R"sh(target; start -c --disable-dns $N tap0
inside ping -c1 -W2 10.0.2.2 | grep -o '1 received'; dial 10.0.2.3 53
inside dig +time=1 +tries=1 @10.0.2.3 remote.lab.test | grep -o 'timed out' | head -1)sh",
     "ready=1\n1 received\nsilence\ntimed out\n"},
    {"ClosedHostIsClosedThoughItListens", R"sh(target; start -c --disable-host-loopback $N tap0
socat TCP-LISTEN:7777,bind=127.0.0.1,reuseaddr,fork SYSTEM:'echo host' & until ss -ltn | grep -q :7777; do :; done
inside ping -c1 -W2 10.0.2.2 | grep -o '1 received'; dial 10.0.2.2 7777)sh",
     "ready=1\n1 received\nNetwork is unreachable\n"},
    {"ByPathNothingIsConfiguredUnasked", R"sh(target
start --netns-type=path --userns-path=/proc/$N/ns/user /proc/$N/ns/net tap11
inside ip -o link | cut -d: -f2; inside ip -o addr | wc -l)sh",
     "ready=1\n lo\n tap11\n0\n"},
    {"OutboundTowardsTheHostItself", R"sh(target
socat TCP-LISTEN:7777,bind=127.0.0.1,reuseaddr,fork SYSTEM:'echo $SOCAT_PEERADDR' & until ss -ltn | grep -q :7777; do :; done
for address in 127.0.0.1 $H4; do
  start -c --outbound-addr=$address $N tap0; inside socat -u TCP:10.0.2.2:7777 -; finish
done)sh",
     "ready=1\n127.0.0.1\nstatus=143\nready=1\n192.0.2.1\nstatus=143\n"},
};
INSTANTIATE_TEST_SUITE_P(Network, Upstream, testing::ValuesIn(kNetwork), name_of_case);

constexpr FaceCase kSandbox[] = {
    {"SandboxAsItsToolsShowIt", R"sh(target; start -c --enable-sandbox $N tap0; getpcaps $P 2>&1 | grep -o 'cap_.*'
for folder in etc run home root var; do [ -d /proc/$P/root/$folder ] && echo $folder; done; cat /proc/$P/root/etc/resolv.conf)sh",
     "ready=1\ncap_net_bind_service=ep\netc\nrun\nnameserver 192.0.2.2\n",
     differs("M14: ours leaves nothing to inherit, for it executes nothing",
             "ready=1\ncap_net_bind_service=eip\netc\nrun\nnameserver 192.0.2.2\n")},
    // In a mount namespace of our own user namespace, what the program does to a mount that is shared would come back. The root
    // is not shared: the peer takes it by pivot_root(2), which refuses that.
    {"SandboxUnmountsNothingThatIsShared", R"sh(export S; export -f target inside start
unshare --user --map-root-user --mount bash -c '
mkdir on; mount -t tmpfs none on; mount --make-shared on; mkdir on/shared; mount -t tmpfs none on/shared; touch on/shared/file
target; start -c --enable-sandbox $N tap0; findmnt -rno FSTYPE,PROPAGATION on/shared; ls on/shared; ls /proc/$P/root')sh",
     "ready=1\ntmpfs shared\nfile\netc\nrun\n"},
    {"SeccompWithAUserNamespaceByPath", R"sh(target
start -c --enable-seccomp --netns-type=path --userns-path=/proc/$N/ns/user /proc/$N/ns/net tap11
grep -o 'Seccomp:.*' /proc/$P/status | tr '\t' ' '; inside ip -o -4 addr show tap11 | awk '{print $4}'
inside ping -c1 -W2 10.0.2.2 | grep -o '1 received')sh",
     "ready=1\nSeccomp: 2\n10.0.2.100/24\n1 received\n"},
};
INSTANTIATE_TEST_SUITE_P(Sandbox, Upstream, testing::ValuesIn(kSandbox), name_of_case);

}  // namespace
}  // namespace postern::lab
