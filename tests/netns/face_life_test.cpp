// face_life_test.cpp - how slirp4netns begins and ends: what it tells its caller, what ends it, and what is left.
#include "face_test.h"

namespace postern::lab {
namespace {

TEST_P(Face, Lives) { compare(); }

constexpr FaceCase kReady[] = {
    {"ReadyIsOneByteAndAnEnd", R"sh(target; mkfifo ready; "$S" -c -r 5 $N tap0 5>ready >out 2>err & P=$!
od -An -c ready | tr -d ' '; alive)sh",
     "1\nrunning\n"},
    {"ReadyAnEmptyDescriptorIsZero", R"sh(target; mkfifo ready; "$S" -c -r '' $N tap0 0>ready >out 2>err & P=$!
od -An -c ready | tr -d ' ')sh",
     "1\n"},
    {"ReadyWithoutConfigure", R"sh(target; mkfifo ready; "$S" --ready-fd=5 $N tap0 5>ready >out 2>err & P=$!; cat ready; echo)sh",
     "1\n"},
    {"ReadyDescriptorThatIsClosedDoesNotMatter", R"sh(target; "$S" -c -r 9 $N tap0 9>&- >out 2>err & P=$!
until inside ip route | grep -q default; do [ "$(alive)" = running ] || break; done
inside ping -c1 -W2 10.0.2.2 | grep -o '1 received'; alive)sh",
     "1 received\nrunning\n"},
    {"ReadyIsNotSaidByAFailure", R"sh(target; start --macaddress 01:00:5e:00:53:01 -c $N tap0; wait $P; echo status=$?)sh",
     "ready=\nstatus=1\n"},
    {"ReadyComesWithoutAnOption", R"sh(target; "$S" -c $N tap0 >out 2>err & P=$!
until inside ip route | grep -q default; do :; done; until inside ping -c1 -W1 10.0.2.2 >/dev/null; do :; done; finish)sh",
     "status=143\n"},
    {"ItStaysTheProcessThatWasStarted", R"sh(target; start -c $N tap0; alive; ps -o pid= --ppid $P | wc -l)sh",
     "ready=1\nrunning\n0\n"},
    {"BannerIsTheNetwork",
     R"sh(target; mkfifo hold; "$S" -e 4 -r 5 -c --cidr 10.9.8.0/24 --mtu 9000 $N tap0 4<hold 5>ready >out 2>err & P=$!
exec 3>hold; until grep -qs 1 ready; do :; done; exec 3>&-; wait $P; echo status=$?; cat out)sh",
     R"(status=0
Starting slirp
* MTU:             9000
* Network:         10.9.8.0
* Netmask:         255.255.255.0
* Gateway:         10.9.8.2
* DNS:             10.9.8.3
* DHCP begin:      10.9.8.15
* DHCP end:        10.9.8.30
* Recommended IP:  10.9.8.100
WARNING: 127.0.0.1:* on the host is accessible as 10.9.8.2 (set --disable-host-loopback to prohibit connecting to 127.0.0.1:*)
)"},
    {"BannerTellsOfOptions", R"sh(target; mkfifo hold
"$S" -e 4 -r 5 -c --disable-host-loopback --outbound-addr eth0 --outbound-addr6 2001:db8:1::1 --macaddress 02:00:5e:00:53:01 $N tap0 4<hold 5>ready >out 2>err & P=$!
exec 3>hold; until grep -qs 1 ready; do :; done; exec 3>&-; wait $P; sed -n '/Recommended/,$p' out)sh",
     R"(* Recommended IP:  10.0.2.100
* Outbound IPv4:    192.0.2.1
* Outbound IPv6:    2001:db8:1::1
* MAC address:     02:00:5e:00:53:01
)"},
    {"BannerThatNobodyReadsDoesNotMatter", R"sh(target; mkfifo ready gone; exec 8<>gone 7>gone 8<&-
report() { read -r -t 10 word <ready; echo ready=$word; inside ping -c1 -W2 10.0.2.2 | grep -o '1 received'; finish; }
"$S" -c -r 5 $N tap0 5>ready >/dev/full 2>err & P=$!; report
"$S" -c -r 5 $N tap0 5>ready >&- 2>err & P=$!; report
"$S" -c -r 5 $N tap0 5>ready >&7 2>err & P=$!; report)sh",
     "ready=1\n1 received\nstatus=143\nready=1\n1 received\nstatus=143\nready=1\n1 received\nstatus=143\n"},
    {"WhatNobodyReadsDoesNotMatter", R"sh(target; mkfifo ready gone; exec 8<>gone 7>gone 8<&-
"$S" -c -r 5 -6 --no-host-loopback $N tap0 5>ready >&7 2>&7 & P=$!; cat ready; echo; finish; "$S" -x 2>&7 >&7; echo status=$?)sh",
     "1\nstatus=143\nstatus=1\n", differs("it dies of a pipe that nobody reads", "\nstatus=141\nstatus=141\n")},
    {"BannerIsThereAtOnce", "target; start -c $N tap0; head -1 out", "ready=1\nStarting slirp\n",
     differs("B12: its standard output is written in the end, if ever", "ready=1\n")},
};
INSTANTIATE_TEST_SUITE_P(Ready, Face, testing::ValuesIn(kReady), name_of_case);

constexpr FaceCase kEnds[] = {
    {"ExitFdHangsUp", R"sh(target; mkfifo hold; exec 7<>hold 4<hold 3>hold 7>&-; start -e 4 -c $N tap0 3>&-
alive; exec 3>&-; wait $P; echo status=$?; grep -o 'exitfd event' err; inside ip -o link | cut -d: -f2)sh",
     "ready=1\nrunning\nstatus=0\nexitfd event\n lo\n"},
    {"ExitFdWithDataIsNoEvent", R"sh(target; mkfifo hold; exec 7<>hold 4<hold 3>hold 7>&-; start --exit-fd=4 -c $N tap0 3>&-
echo data >&3; inside ping -c2 -i0.2 -W2 10.0.2.2 | grep -o '2 received'; alive; exec 3>&-; wait $P; echo status=$?)sh",
     "ready=1\n2 received\nrunning\nstatus=0\n"},
    {"ExitFdWhoseReaderGoesIsAnEvent", R"sh(target; mkfifo hold; exec 7<>hold 3<hold 4>hold 7>&-; start -e 4 -c $N tap0 3<&-
alive; exec 3<&-; wait $P; echo status=$?)sh",
     "ready=1\nrunning\nstatus=0\n"},
    {"ExitFdThatIsAFileNeverFires", R"sh(target; exec 4</etc/passwd; start -e 4 -c $N tap0
inside ping -c2 -i0.2 -W2 10.0.2.2 | grep -o '2 received'; alive; finish)sh",
     "ready=1\n2 received\nrunning\nstatus=143\n"},
    {"ExitFdThatIsAClosedStreamEndsItAtOnce", R"sh(target; mkfifo ready
for fd in 0 1 2; do eval '"$S" -e $fd -r 5 -c $N tap0 5>ready >out 2>err '$fd'>&- & P=$!'; cat ready; wait $P; echo " status=$?"; done)sh",
     "1 status=0\n1 status=0\n1 status=0\n"},
    {"ReadyFdThatIsAClosedStreamDoesNotMatter", R"sh(target
"$S" -r 0 -c $N tap0 <&- >out 2>err & P=$!; until inside ip route | grep -q default; do [ "$(alive)" = running ] || break; done
inside ping -c1 -W2 10.0.2.2 | grep -o '1 received'; finish)sh",
     "1 received\nstatus=143\n"},
    {"ExitFdEndsItThoughThatCannotBeSaid", R"sh(target; mkfifo hold; exec 7<>hold 4<hold 3>hold 7>&-
"$S" -c -e 4 -r 5 -a s $N tap0 3>&- 5>ready >out 2>/dev/full & P=$!; until grep -qs 1 ready; do :; done
exec 3>&-; wait $P; echo status=$?; [ -S s ] || echo gone)sh",
     "status=0\ngone\n"},
    {"ExitFdThatIsClosedEndsItAtOnce",
     "target; start -e 10 -c $N tap0 10>&-; wait $P; echo status=$?; grep -o 'exitfd event' err",
     "ready=1\nstatus=0\nexitfd event\n"},
    {"TermIsWhatItDiesOf", "target; start -c $N tap0; finish; inside ip -o link | cut -d: -f2", "ready=1\nstatus=143\n lo\n"},
    {"HangUpIsWhatItDiesOf", "target; start -c $N tap0; kill -HUP $P; wait $P; echo status=$?", "ready=1\nstatus=129\n"},
    {"InterruptIsWhatItDiesOf",
     R"sh(target; real=$S; printf '#!/bin/sh\nexec env --default-signal=INT "%s" "$@"\n' "$real" >s; chmod +x s; S=./s
start -c $N tap0; kill -INT $P; wait $P; echo status=$?)sh",
     "ready=1\nstatus=130\n"},
    {"AnIgnoredInterruptStaysIgnored",
     R"sh(target; start -c $N tap0; kill -INT $P; inside ping -c2 -i0.2 -W2 10.0.2.2 | grep -o '2 received'; finish)sh",
     "ready=1\n2 received\nstatus=143\n"},
    {"OtherSignalsToo", "target; start -c $N tap0; kill -USR1 $P; wait $P; echo status=$?", "ready=1\nstatus=138\n"},
    {"ABrokenPipeDoesNotMatter",
     R"sh(target; start -c $N tap0; kill -PIPE $P; inside ping -c1 -W2 10.0.2.2 | grep -o '1 received'; alive)sh",
     "ready=1\n1 received\nrunning\n"},
    {"TermIsSilent", "target; start -c $N tap0; finish; cat err", "ready=1\nstatus=143\n", ours_alone("B10")},
    {"TheProcessEnds", "target; start -c $N tap0; kill -9 $N; wait $P; echo status=$?; cat err",
     "ready=1\nstatus=0\nslirp4netns: the namespace has ended\n", ours_alone("B9: it goes on and keeps the dead namespace")},
    {"ThePathEnds",
     "target; start -c --netns-type=path --userns-path=/proc/$N/ns/user /proc/$N/ns/net tap0; kill -9 $N; wait $P; echo "
     "status=$?; cat err",
     "ready=1\nstatus=0\nslirp4netns: the namespace has ended\n", ours_alone("B9: it goes on and keeps the dead namespace")},
    {"TheTapIsDeleted", "target; start -c $N tap0; inside ip link del tap0; wait $P; echo status=$?; cat err",
     "ready=1\nstatus=1\nslirp4netns: tap0 was deleted\n",
     ours_alone("B9, bug of 0.5: it spins and logs a million lines a second")},
    {"KilledItLeavesNothing", "target; start -c $N tap0; kill -9 $P; wait $P; echo status=$?; inside ip -o link | cut -d: -f2",
     "ready=1\nstatus=137\n lo\n"},
};
INSTANTIATE_TEST_SUITE_P(Ends, Face, testing::ValuesIn(kEnds), name_of_case);

// A client on a BESS socket: asks who has the gateway's address, and shows who answers.
#define BESS_CLIENT                                                                                                          \
  "client() { python3 - <<'END'\n"                                                                                           \
  "import socket, time\n"                                                                                                    \
  "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"                                                               \
  "s.connect('bess')\n"                                                                                                      \
  "s.send(bytes.fromhex('ffffffffffff02005e005301080600010800060400' + '0102005e0053010a000264' + '0' * 12 + '0a000202') + " \
  "bytes(18))\n"                                                                                                             \
  "s.settimeout(5)\n"                                                                                                        \
  "print(s.recv(2000)[6:12].hex(':'))\n"                                                                                     \
  "END\n"                                                                                                                    \
  "}\n"

constexpr FaceCase kWires[] = {
    {"BessServesAClient", BESS_CLIENT R"sh(mkfifo ready; "$S" --target-type=bess -r 5 bess 5>ready >out 2>err & P=$!
exec 6<ready; until [ -S bess ]; do :; done; client; cat <&6; echo; grep -o 'Waiting for connection to bess' err)sh",
     "52:55:0a:00:02:02\n1\nWaiting for connection to bess\n"},
    {"BessReplacesWhatWasThere", BESS_CLIENT R"sh(touch bess; "$S" --target-type=bess bess >out 2>err & P=$!
until [ -S bess ]; do :; done; until grep -q Waiting err; do :; done; client)sh",
     "52:55:0a:00:02:02\n"},
    {"BessEndsWithItsClient", BESS_CLIENT R"sh("$S" --target-type=bess bess >out 2>err & P=$!
until grep -q Waiting err; do :; done; client; wait $P; echo status=$?; tail -n +2 err; ls)sh",
     "52:55:0a:00:02:02\nstatus=0\nslirp4netns: the client on the socket has gone\nerr\nout\n",
     ours_alone("B9, bug of 0.5: it spins")},
    {"BessEndsWithItsClientBehindTheSandboxToo", BESS_CLIENT R"sh(
for locks in --enable-seccomp --enable-sandbox '--enable-sandbox --enable-seccomp'; do
  rm -f err; "$S" --target-type=bess $locks bess >out 2>err & P=$!
  until grep -qs Waiting err; do :; done; client; wait $P; echo status=$?; ls
done)sh",
     "52:55:0a:00:02:02\nstatus=0\nerr\nout\n52:55:0a:00:02:02\nstatus=0\nerr\nout\n52:55:0a:00:02:02\nstatus=0\nerr\nout\n",
     ours_alone("B9, bug of 0.5: it spins")},
    {"BessEndsByASignalBeforeAnybodyCame", R"sh("$S" --target-type=bess bess >out 2>err & P=$!
until grep -q Waiting err; do :; done; finish; ls)sh",
     "status=143\nerr\nout\n", ours_alone("B10: it leaves the socket behind")},
    {"TapFdServesAnOpenTap", R"sh(target; cat >open.py <<'END'
import fcntl, os, struct, sys
tap = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tap, 0x400454ca, struct.pack('16sH22x', b'tap0', 0x1002 | (0x4000 if sys.argv[1] == 'vnet' else 0)))
os.set_inheritable(tap, True)
os.execv(sys.argv[2], ['slirp4netns', '-r', '1', '-c', '--netns-type=tapfd', str(tap)])
END
for framing in bare vnet; do
  rm -f said; nsenter -t $N -U -n --preserve-credentials python3 open.py $framing "$S" >said 2>err & P=$!
  until grep -qs 1 said; do alive | grep -q ended && break; done
  inside ip addr add 10.0.2.100/24 dev tap0; inside ip link set tap0 up; inside ping -c1 -W2 10.0.2.2 | grep -o '1 received'
  finish
done)sh",
     "1 received\nstatus=143\n1 received\nstatus=143\n", ours_alone("M18, since 1.3.0")},
};
INSTANTIATE_TEST_SUITE_P(Wires, Face, testing::ValuesIn(kWires), name_of_case);

}  // namespace
}  // namespace postern::lab
