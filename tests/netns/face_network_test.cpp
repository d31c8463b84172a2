// face_network_test.cpp - what a namespace is given by slirp4netns, and by us: addresses, routes, names, and what is in reach.
//
//   namespace ── tap0 ── the program, on the host ═══ remote: nginx, dnsmasq
//                         eth0 192.0.2.1, 192.0.2.9
#include "face_test.h"

namespace postern::lab {
namespace {

class FaceNetwork : public Face {
 protected:
  std::vector<Server> servers() const override { return {Server::http, Server::dns}; }
  void SetUp() override {
    Face::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_THAT(host().sh("ip addr add 192.0.2.9/24 dev eth0 && ip addr add 2001:db8:1::9/64 dev eth0 nodad && "
                          "ip route add unreachable 198.51.100.7"),
                Succeeds());
  }
};
TEST_P(FaceNetwork, Serves) { compare(); }

constexpr FaceCase kConfiguration[] = {
    {"ConfigureGivesAddressAndRoute", R"sh(target; start -c $N tap0
inside ip -o -4 addr | awk '{print $2, $3, $4, $5, $6}'; inside ip route
finish)sh",
     "ready=1\nlo inet 127.0.0.1/8 scope host\ntap0 inet 10.0.2.100/24 brd 10.0.2.255\n"
     "default via 10.0.2.2 dev tap0 \n10.0.2.0/24 dev tap0 proto kernel scope link src 10.0.2.100 \nstatus=143\n"},
    {"ConfigureRaisesBothLinks",
     "target; start -c $N tap0; inside ip -o link | grep -o 'lo: .*LOWER_UP\\|tap0: .*LOWER_UP' | cut -d: -f1",
     "ready=1\nlo\ntap0\n"},
    {"WithoutConfigureNothingIsTouched", R"sh(target; start $N tap0
inside ip -o addr | wc -l; inside ip route | wc -l; inside ip -o link show up | wc -l; inside ip -o link | cut -d: -f2)sh",
     "ready=1\n0\n0\n0\n lo\n tap0\n"},
    {"CidrMovesThePlan",
     "target; start -c --cidr 10.9.8.0/24 $N tap0; inside ip -o -4 addr show tap0 | awk '{print $4, $6}'; inside ip route | head "
     "-1",
     "ready=1\n10.9.8.100/24 10.9.8.255\ndefault via 10.9.8.2 dev tap0 \n"},
    {"CidrOfHalfAnOctet",
     "target; start -c --cidr=10.0.2.128/25 $N tap0; inside ip -o -4 addr show tap0 | awk '{print $4, $6}'; inside ip route | "
     "head -1",
     "ready=1\n10.0.2.228/25 10.0.2.255\ndefault via 10.0.2.130 dev tap0 \n"},
    {"MtuIsThatOfEthernet",
     "target; start -c $N tap0; inside cat /sys/class/net/tap0/mtu 2>/dev/null; inside ip -o link show tap0 | grep -o 'mtu "
     "[0-9]*'",
     "ready=1\nmtu 1500\n"},
    {"MtuByLongOption", "target; start -c --mtu 65520 $N tap0; inside ip -o link show tap0 | grep -o 'mtu [0-9]*'",
     "ready=1\nmtu 65520\n"},
    {"MtuBehindAnEqualsSign", "target; start -c --mtu=9000 $N tap0; inside ip -o link show tap0 | grep -o 'mtu [0-9]*'",
     "ready=1\nmtu 9000\n"},
    {"MtuByLetter", "target; start -cm1280 $N tap0; inside ip -o link show tap0 | grep -o 'mtu [0-9]*'", "ready=1\nmtu 1280\n"},
    {"TheLeastMtu", "target; start -c -m 68 $N tap0; inside ip -o link show tap0 | grep -o 'mtu [0-9]*'", "ready=1\nmtu 68\n"},
    {"TheGreatestMtu", "target; start -c -m 65521 $N tap0; inside ip -o link show tap0 | grep -o 'mtu [0-9]*'",
     "ready=1\nmtu 65521\n"},
    {"OptionsBehindOperands", "target; start $N uplink --conf --mt 4000; inside ip -o link show uplink | grep -o 'mtu [0-9]*'",
     "ready=1\nmtu 4000\n"},
    {"MacAddressIsSet",
     "target; start -c --macaddress 02:0:5e:00:53:1 $N tap0; inside ip -o link show tap0 | grep -o 'ether [0-9a-f:]*'",
     "ready=1\nether 02:00:5e:00:53:01\n"},
    {"ShortMacIsRefused", "target; start -c --macaddress 02:00:5e $N tap0; wait $P; echo status=$?", "ready=\nstatus=1\n",
     ours_alone("B12: it fills a short one up with zeroes")},
    {"MacOfATapThatWasThereStays", R"sh(target
inside ip tuntap add tap0 mode tap; inside ip link set tap0 address 02:00:5e:00:53:07
start -c $N tap0; inside ip -o link show tap0 | grep -o 'ether [0-9a-f:]*')sh",
     "ready=1\nether 02:00:5e:00:53:07\n"},
    {"AFurtherOperandIsOnlyWarnedOf", "target; start -c $N tap0 more; inside ip -o -4 addr show tap0 | wc -l", "ready=1\n1\n"},
    {"Ipv6AddressComesByAdvertisement", R"sh(target; inside sysctl -qw net.ipv6.conf.default.accept_dad=0
start -c -6 $N tap0; until inside ip -6 route | grep -q default; do :; done
inside ip -o -6 addr show tap0 scope global | grep -o 'fd00::.*/64'| grep -c ff:fe; inside ip -6 route | grep -o 'default via fe80::2 dev tap0 proto ra')sh",
     "ready=1\n1\ndefault via fe80::2 dev tap0 proto ra\n"},
    {"Ipv6AddressIsThereWhenReady", R"sh(target; start -c -6 $N tap0
inside ip -o -6 addr show tap0 scope global | grep -v tentative | grep -c fd00::; inside ip -6 route | grep -c default)sh",
     "ready=1\n1\n1\n", ours_alone("M8: without podman's accept_dad=0 it is there a second later")},
    {"Ipv6NeedsAnMtuOf1280",
     "target; start -c -6 -m 1279 $N tap0; inside ip -o -6 addr show scope global | wc -l; inside curl -s http://$R4/",
     "ready=1\n0\nhello from the remote\n"},
    {"ReadyComesSoonThoughNoIpv6AddressDoes", R"sh(target
inside ip tuntap add tap0 mode tap; inside sysctl -qw net.ipv6.conf.tap0.router_solicitations=0
begin=$(date +%s%N); start -c -6 $N tap0; [ $(($(date +%s%N) - begin)) -lt 900000000 ] && echo soon
inside ip -o -6 addr show scope global | wc -l)sh",
     "ready=1\nsoon\n0\n"},
    {"Ipv6IsOffUnlessAskedFor",
     "target; start -c $N tap0; inside ping -c1 -W1 $R4 >out2; inside ip -o -6 addr show scope global | wc -l", "ready=1\n0\n"},
};
INSTANTIATE_TEST_SUITE_P(Configuration, FaceNetwork, testing::ValuesIn(kConfiguration), name_of_case);

constexpr FaceCase kReach[] = {
    {"RemoteIsInReach", "target; start -c $N tap0; inside curl -s http://$R4/", "ready=1\nhello from the remote\n"},
    {"RemoteIsInReachOverIpv6", R"sh(target; inside sysctl -qw net.ipv6.conf.default.accept_dad=0
start -c -6 $N tap0; until inside ip -6 route | grep -q default; do :; done; inside curl -s "http://[$LAB_REMOTE6]/")sh",
     "ready=1\nhello from the remote\n"},
    {"GatewaysAnswerPingThoughTheHostIsClosed", R"sh(target; inside sysctl -qw net.ipv6.conf.default.accept_dad=0
start -c -6 --disable-host-loopback $N tap0; until inside ip -6 route | grep -q default; do :; done
for address in 10.0.2.2 10.0.2.3 fd00::2 fd00::3; do inside ping -c1 -W2 $address | grep -o '1 received'; done)sh",
     "ready=1\n1 received\n1 received\n1 received\n1 received\n"},
    {"GatewayIsTheHostsLoopback", R"sh(target; start -c $N tap0
socat TCP-LISTEN:7777,bind=127.0.0.1,reuseaddr,fork SYSTEM:'echo host' & until ss -ltn | grep -q :7777; do :; done
inside socat -u TCP:10.0.2.2:7777 -)sh",
     "ready=1\nhost\n"},
    {"OldNameClosesTheHostToo", "target; start -c --no-host-loopback $N tap0; dial 10.0.2.2 7777",
     "ready=1\nNetwork is unreachable\n"},
    {"ClosedHostIsUnreachableAtOnce", "target; start -c --disable-host-loopback $N tap0; dial 10.0.2.2 7777",
     "ready=1\nNetwork is unreachable\n"},
    {"ClosedHostIsNotReachedByItsLoopbackAddress", R"sh(target; start -c --disable-host-loopback $N tap0
socat TCP-LISTEN:7777,bind=127.0.0.1,reuseaddr,fork SYSTEM:'echo host' & until ss -ltn | grep -q :7777; do :; done
inside ip addr del 127.0.0.1/8 dev lo; inside sysctl -qw net.ipv4.conf.all.route_localnet=1
inside ip route add 127.0.0.0/8 via 10.0.2.2 dev tap0 src 10.0.2.100; inside timeout 3 socat -u TCP:127.0.0.1:7777 - 2>/dev/null)sh",
     "ready=1\n", differs("B4: root inside sends frames to 127.0.0.1", "ready=1\nhost\n")},
    {"ForwardShowsClientsByTheirAddressAndTheLoopbackAsTheGateway", R"sh(target; start -c --api-socket "$PWD/api" $N tap0
printf '{"execute":"add_hostfwd","arguments":{"proto":"tcp","host_port":8099,"guest_port":80}}' | socat -t5 - UNIX-CONNECT:api >id
inside socat TCP4-LISTEN:80,fork SYSTEM:'echo $SOCAT_PEERADDR' & until inside ss -ltn | grep -q :80; do :; done
for to in 127.0.0.1 192.0.2.1; do socat -u TCP4:$to:8099 -; done)sh",
     "ready=1\n10.0.2.2\n192.0.2.1\n"},
    {"RefusedIsRefused", "target; start -c $N tap0; dial $R4 81", "ready=1\nConnection refused\n"},
    {"UnreachableIsUnreachable", "target; start -c $N tap0; dial 198.51.100.7 80", "ready=1\nNo route to host\n"},
    {"SilenceIsSilence", "target; start -c $N tap0; dial 198.51.100.65 80", "ready=1\nsilence\n"},
    {"DnsAnswersByUdp", "target; start -c $N tap0; inside dig +short +time=2 +tries=1 @10.0.2.3 remote.lab.test",
     "ready=1\n192.0.2.2\n"},
    {"DnsAnswersByTcp", "target; start -c $N tap0; inside dig +tcp +short +time=2 +tries=1 @10.0.2.3 remote.lab.test",
     "ready=1\n192.0.2.2\n"},
    {"DnsAnswersThoughTheHostIsClosed",
     "target; start -c --disable-host-loopback $N tap0; inside dig +short +time=2 +tries=1 @10.0.2.3 remote.lab.test",
     "ready=1\n192.0.2.2\n"},
    {"DnsMovesWithTheCidr",
     "target; start -c --cidr 10.9.8.0/24 $N tap0; inside dig +short +time=2 +tries=1 @10.9.8.3 remote.lab.test",
     "ready=1\n192.0.2.2\n"},
    {"DnsCanBeDisabled",
     "target; start -c --disable-dns $N tap0; inside dig +short +time=1 +tries=1 @10.0.2.3 remote.lab.test >dns; echo status=$?; "
     "inside ping -c1 -W2 10.0.2.2 | grep -o '1 received'",
     "ready=1\nstatus=9\n1 received\n"},
    {"DhcpLeasesFromThePool", R"sh(target; start $N tap0; inside ip link set tap0 up
printf '#!/bin/sh\n[ "$1" = bound ] && echo "$ip $mask $router $dns $lease"\nexit 0\n' >script; chmod +x script
inside udhcpc -i tap0 -n -q -f -s "$PWD/script" 2>dhcp)sh",
     "ready=1\n10.0.2.15 24 10.0.2.2 10.0.2.3 86400\n"},
    {"AnotherAddressThanRecommendedWorks", R"sh(target; start $N tap0; inside ip link set tap0 up
inside ip addr add 10.0.2.42/24 dev tap0; inside ip route add default via 10.0.2.2; inside curl -s http://$R4/)sh",
     "ready=1\nhello from the remote\n"},
    {"OutboundByAddress", "target; start -c --outbound-addr=192.0.2.9 $N tap0; inside curl -s http://$R4/client",
     "ready=1\n192.0.2.9\n"},
    {"OutboundByInterface", "target; start -c --outbound-addr eth0 $N tap0; inside curl -s http://$R4/client",
     "ready=1\n192.0.2.1\n"},
    {"Outbound6ByAddress", R"sh(target; inside sysctl -qw net.ipv6.conf.default.accept_dad=0
start -c -6 --outbound-addr6=2001:db8:1::9 $N tap0; until inside ip -6 route | grep -q default; do :; done; inside curl -s "http://[$LAB_REMOTE6]/client")sh",
     "ready=1\n2001:db8:1::9\n"},
    {"Outbound6ByInterfaceAlone",
     R"sh(target; start -c -6 --outbound-addr6=eth0 $N tap0; [ -z "$word" ] || inside curl -s "http://[$LAB_REMOTE6]/client" | cut -c1-12)sh",
     "ready=1\n2001:db8:1::\n", differs("B12: it looks for the interface of --outbound-addr", "ready=\n")},
};
INSTANTIATE_TEST_SUITE_P(Reach, FaceNetwork, testing::ValuesIn(kReach), name_of_case);

constexpr FaceCase kPlaces[] = {
    {"ByPathAndUserPath",
     "target; start -c --netns-type=path --userns-path=/proc/$N/ns/user /proc/$N/ns/net tap0; inside curl -s http://$R4/",
     "ready=1\nhello from the remote\n"},
    {"ByPathFromInsideTheUserNamespace",
     R"sh(target; nsenter -t $N -U --preserve-credentials "$S" -c --netns-type=path -r 1 /proc/$N/ns/net tap0 >ready1 2>/dev/null & P=$!
until grep -qs 1 ready1; do :; done; inside curl -s http://$R4/)sh",
     "hello from the remote\n"},
    {"AUserPathThatIsOurOwnIsPassedOver",
     R"sh(target; nsenter -t $N -U --preserve-credentials "$S" -c --netns-type=path --userns-path=/proc/self/ns/user -r 1 /proc/$N/ns/net tap0 >ready1 2>/dev/null & P=$!
until grep -qs 1 ready1; do :; done; inside curl -s http://$R4/)sh",
     "hello from the remote\n"},
    {"ByPathWithoutPowerOverIt", "target; answer -c --netns-type=path /proc/$N/ns/net tap0 | head -1", "status=1\n"},
    {"ByProcessFromInsideTheUserNamespace",
     R"sh(target; nsenter -t $N -U --preserve-credentials "$S" -c -r 1 $N tap0 >ready1 2>/dev/null & P=$!
until grep -qs 1 ready1; do :; done; inside curl -s http://$R4/)sh",
     "hello from the remote\n"},
    {"ATapThatWasThereStays", R"sh(target; inside ip tuntap add tap0 mode tap; inside ip link set tap0 up
inside ip addr add 10.0.2.100/24 dev tap0; inside ip route add default via 10.0.2.2
start --mtu 65520 $N tap0; inside curl -s http://$R4/; finish; inside ip -o -4 addr show tap0 | awk '{print $4}')sh",
     "ready=1\nhello from the remote\nstatus=143\n10.0.2.100/24\n"},
    {"ATapOfItsOwnGoes", "target; start -c $N tap0; finish; inside ip -o link | cut -d: -f2", "ready=1\nstatus=143\n lo\n"},
    {"ABusyTapIsNotShared",
     R"sh(target; start -c $N tap0; first=$P; answer $N tap0 | head -1; grep -ci busy err; inside curl -s http://$R4/)sh",
     "ready=1\nstatus=1\n1\nhello from the remote\n"},
};
INSTANTIATE_TEST_SUITE_P(Places, FaceNetwork, testing::ValuesIn(kPlaces), name_of_case);

class FaceAsRoot : public FaceNetwork {
 protected:
  Role role() const override { return Role::root; }
};
TEST_P(FaceAsRoot, Serves) { compare(); }

constexpr FaceCase kAsRoot[] = {
    {"ByNameOfIpNetns", R"sh(ip netns add web; start -c --netns-type=path /run/netns/web tap0
ip netns exec web curl -s http://$R4/; finish; ip netns del web)sh",
     "ready=1\nhello from the remote\nstatus=143\n"},
    {"ResolvConfIsFollowed", R"sh(unshare --net sleep infinity & N=$!; until grep -qs sleep /proc/$N/comm; do :; done
cp --remove-destination /etc/resolv.conf resolv; printf 'nameserver 198.51.100.65\n' >/etc/resolv.conf
start -c $N tap0; nsenter -t $N -n dig +short +time=1 +tries=1 @10.0.2.3 remote.lab.test >answer; echo status=$?
cat resolv >/etc/resolv.conf
until nsenter -t $N -n dig +short +time=1 +tries=1 @10.0.2.3 remote.lab.test >answer; do :; done; cat answer)sh",
     "ready=1\nstatus=9\n192.0.2.2\n"},
    {"ByProcessOfTheSameUserNamespace",
     "unshare --net sleep infinity & N=$!; until grep -qs sleep /proc/$N/comm; do :; done\nstart -c $N tap0; nsenter -t $N -n "
     "curl -s http://$R4/",
     "ready=1\nhello from the remote\n"},
    {"ByProcessOfAUserNamespace", "target; start -c $N tap0; inside curl -s http://$R4/", "ready=1\nhello from the remote\n"},
};
INSTANTIATE_TEST_SUITE_P(As, FaceAsRoot, testing::ValuesIn(kAsRoot), name_of_case);

}  // namespace
}  // namespace postern::lab
