// face_client_test.cpp - the command lines of slirp4netns's clients, as they were seen: each gets its network from both programs.
#include "face_test.h"

namespace postern::lab {
namespace {

class FaceClient : public Face {
 protected:
  std::vector<Server> servers() const override { return {Server::http, Server::dns}; }
};
TEST_P(FaceClient, IsServed) { compare(); }

// What a client's network must do: its page over IPv4, a name by the DNS address, and the status after SIGTERM.
#define LOOK "inside curl -s http://$R4/; inside dig +short +time=2 +tries=1 @10.0.2.3 remote.lab.test; "
constexpr const char* kLooksGood = "ready=1\nhello from the remote\n192.0.2.2\nstatus=143\n";

// Podman, buildah with containers/common: root in a user namespace that holds the target; exit and ready are inherited.
// place: makes that, $C; join CMD: runs CMD there, standard output and descriptors as they are
#define PODMAN                                                                                                                   \
  "place() {\n"                                                                                                                  \
  "  unshare --user --map-root-user --mount sleep infinity & C=$!; until grep -qs sleep /proc/$C/comm; do :; done\n"             \
  "  nsenter -t $C -U -m --preserve-credentials unshare --net sleep infinity & N=$!\n"                                           \
  "  until [ \"$(readlink /proc/$N/ns/net)\" != \"$(readlink /proc/$C/ns/net)\" ] && grep -qs sleep /proc/$N/comm; do :; done\n" \
  "  mkdir netns; PLACE=$PWD/netns/netns-1\n"                                                                                    \
  "  nsenter -t $C -U -m --preserve-credentials sh -c \"touch $PLACE; mount --bind /proc/$N/ns/net $PLACE\"\n"                   \
  "}\n"                                                                                                                          \
  "join() {\n"                                                                                                                   \
  "  printf '#!/bin/sh\\nexec nsenter -t %s -U -m --preserve-credentials %s \"$@\"\\n' $C \"$S\" >joined; chmod +x joined\n"     \
  "  mkfifo ready exit; ./joined \"$@\" 3<>exit 4>ready >out 2>err & P=$!\n"                                                     \
  "  word=; IFS= read -r -t 10 word <ready; echo \"ready=$word\"\n"                                                              \
  "}\n"                                                                                                                          \
  "place; "

constexpr FaceCase kClients[] = {
    {"Podman4",
     PODMAN "nsenter -t $N -U -n --preserve-credentials sysctl -qw net.ipv6.conf.default.accept_dad=0\n"
            "join --disable-host-loopback --mtu=65520 --enable-sandbox --enable-seccomp --enable-ipv6 -c -e 3 -r 4 "
            "--netns-type=path $PLACE tap0; " LOOK "finish",
     kLooksGood},
    {"Podman4WithOptions",
     PODMAN "join --mtu=9000 --enable-sandbox --enable-seccomp --cidr=10.9.8.0/24 --outbound-addr=192.0.2.1 -c -e 3 -r 4 "
            "--api-socket $PWD/api --netns-type=path $PLACE tap0\n"
            "inside curl -s http://$R4/client; inside dig +short +time=2 +tries=1 @10.9.8.3 remote.lab.test; finish",
     "ready=1\n192.0.2.1\n192.0.2.2\nstatus=143\n"},
    {"Podman4WithTheContainersOwnUserNamespace",
     PODMAN "kill $N; nsenter -t $C -U -m --preserve-credentials unshare --user --map-root-user --net sleep infinity & N=$!\n"
            "until grep -qs sleep /proc/$N/comm; do :; done\n"
            "join --disable-host-loopback --mtu=65520 --enable-sandbox --enable-seccomp --enable-ipv6 -c -e 3 -r 4 $N tap0; " LOOK
            "finish",
     kLooksGood},
    {"Podman5HasTheDescriptorsTheOtherWayRound",
     PODMAN
     "printf '#!/bin/sh\\nexec nsenter -t %s -U -m --preserve-credentials %s \"$@\"\\n' $C \"$S\" >joined; chmod +x joined\n"
     "mkfifo ready exit; ./joined --disable-host-loopback --mtu=65520 --enable-sandbox --enable-seccomp --enable-ipv6 -c -r 3 "
     "-e 4 --netns-type=path $PLACE tap0 "
     "3>ready 4<>exit >out 2>err & P=$!; word=; read -r -t 10 word <ready; echo ready=$word\n" LOOK "finish",
     kLooksGood},
    {"PodmansSharedNetworkHasNoExitFd",
     PODMAN "join --disable-host-loopback --mtu=65520 --enable-sandbox --enable-seccomp --enable-ipv6 -c -r 4 --netns-type=path "
            "$PLACE tap0; " LOOK "finish",
     kLooksGood},
    {"PodmansContainerEnds",
     PODMAN
     "printf '#!/bin/sh\\nexec nsenter -t %s -U -m --preserve-credentials %s \"$@\"\\n' $C \"$S\" >joined; chmod +x joined\n"
     "mkfifo ready exit; exec 7<>exit 3<exit 6>exit 7>&-\n"
     "./joined --mtu=65520 -c -e 3 -r 4 --netns-type=path $PLACE tap0 4>ready 6>&- >out 2>err & P=$!; read -r word <ready\n"
     "exec 6>&-; wait $P; echo status=$?",
     "status=0\n"},
    {"PodmanShowsWhyItFailed",
     PODMAN
     "join --mtu=65520 --cidr=10.0.2.0/26 -c -e 3 -r 4 --netns-type=path $PLACE tap0; wait $P; echo status=$?; cat out err",
     "ready=\nstatus=1\nprefix length needs to be 1-25\n"},
    {"Buildah1_28",
     "target; mkfifo ready; \"$S\" --mtu 65520 -r 3 -c $N tap0 3>ready </dev/null >/dev/null 2>&1 & P=$!\n"
     "read -r word <ready; echo ready=$word; " LOOK "finish",
     kLooksGood},
    {"RootlessKit1", R"sh(target; inside ip tuntap add name tap0 mode tap; inside ip link set tap0 up
mkfifo ready; "$S" --mtu 65520 -r 3 --disable-host-loopback --api-socket "$PWD/.s4nn.sock" --enable-sandbox --enable-seccomp --enable-ipv6 $N tap0 \
  3>ready >out 2>err & P=$!; read -r word <ready; echo ready=$word
inside ip link set dev tap0 mtu 65520; inside ip addr add 10.0.2.100/24 dev tap0; inside ip route add default via 10.0.2.2 dev tap0
)sh" LOOK "finish",
     kLooksGood},
    {"RootlessKit2", R"sh(target; inside ip tuntap add name tap0 mode tap; inside ip link set tap0 up
mkfifo ready; "$S" --mtu 65520 -r 3 --disable-host-loopback --enable-ipv6 $N tap0 3>ready >out 2>err & P=$!; read -r word <ready; echo ready=$word
inside ip addr add 10.0.2.100/24 dev tap0; inside ip route add default via 10.0.2.2 dev tap0
)sh" LOOK "finish",
     kLooksGood},
    {"RootlessKit3WithDetachedNamespace", R"sh(
unshare --user --map-root-user --mount sh -c "touch $PWD/netns; unshare --net sh -c 'mount --bind /proc/self/ns/net $PWD/netns'; exec sleep infinity" & C=$!
until grep -qs sleep /proc/$C/comm; do :; done
inside() { nsenter -t $C -U -m --preserve-credentials nsenter --net="/proc/$C/cwd/netns" "$@"; }
inside ip tuntap add name tap0 mode tap; inside ip link set tap0 up
mkfifo ready; "$S" --mtu 65520 -r 3 --disable-host-loopback --userns-path=/proc/$C/ns/user --netns-type=path /proc/$C/cwd/netns tap0 3>ready >out 2>err & P=$!
read -r -t 5 word <ready; echo ready=$word
inside ip addr add 10.0.2.100/24 dev tap0; inside ip route add default via 10.0.2.2 dev tap0
)sh" LOOK "finish",
     kLooksGood},
    {"K3s", R"sh(target; inside ip tuntap add name tap0 mode tap; inside ip link set tap0 up
mkfifo ready; "$S" --mtu 65520 -r 3 --disable-host-loopback --cidr 10.41.0.0/16 $N tap0 3>ready >out 2>err & P=$!; read -r word <ready; echo ready=$word
inside ip addr add 10.41.0.100/16 dev tap0; inside ip route add default via 10.41.0.2 dev tap0
inside curl -s http://$R4/; inside dig +short +time=2 +tries=1 @10.41.0.3 remote.lab.test; finish)sh",
     kLooksGood},
    {"ProbeOfPodman",
     R"sh(for option in --disable-host-loopback --mtu --enable-sandbox --enable-seccomp --cidr --outbound-addr --enable-ipv6; do
  "$S" --help 2>&1 | grep -qF -- $option && echo $option
done)sh",
     "--disable-host-loopback\n--mtu\n--enable-sandbox\n--enable-seccomp\n--cidr\n--outbound-addr\n--enable-ipv6\n"},
    {"ProbeOfRootlessKit",
     R"sh(for option in --netns-type --enable-ipv6 --cidr --disable-host-loopback --api-socket --enable-sandbox --enable-seccomp; do
  "$S" --help 2>&1 | grep -qF -- $option && echo $option
done)sh",
     "--netns-type\n--enable-ipv6\n--cidr\n--disable-host-loopback\n--api-socket\n--enable-sandbox\n--enable-seccomp\n"},
    {"ProbeOfDocker", R"sh("$S" --help | grep -qw -- --netns-type && echo found
"$S" --version | sed -n 's/.*version \([0-9]*\.[0-9]*\).*/version/p; s/^commit: .*/commit/p')sh",
     "found\nversion\ncommit\n"},
};
INSTANTIATE_TEST_SUITE_P(Replay, FaceClient, testing::ValuesIn(kClients), name_of_case);

}  // namespace
}  // namespace postern::lab
