// face_sandbox_test.cpp - what --enable-sandbox and --enable-seccomp leave of the process, seen from outside (M14, M15).
#include "face_test.h"

namespace postern::lab {
namespace {

#define SHOW                                                                                                   \
  "show() { sed -n 's/^\\(CapPrm\\|CapEff\\|CapBnd\\|NoNewPrivs\\|Seccomp\\):\\t/\\1 /p' /proc/$P/status; }\n" \
  "root() { ls /proc/$P/root 2>&1 | tr '\\n' ' '; echo; }\n"

TEST_P(Face, LocksItselfUp) { compare(); }

constexpr FaceCase kLocks[] = {
    {"SandboxKeepsOneCapabilityAndTwoFolders", SHOW "target; start -c --enable-sandbox $N tap0; show; root; finish",
     "ready=1\nCapPrm 0000000000000400\nCapEff 0000000000000400\nCapBnd 0000000000000400\nNoNewPrivs 1\nSeccomp 0\netc run "
     "\nstatus=143\n"},
    {"SeccompIsOn",
     SHOW "target; start -c --enable-seccomp $N tap0; show | grep Sec; inside ping -c1 -W2 10.0.2.2 | grep -o '1 received'",
     "ready=1\nSeccomp 2\n1 received\n"},
    {"BothServe", SHOW R"sh(target; start -c --enable-sandbox --enable-seccomp --enable-ipv6 $N tap0; show | grep -E 'Sec|New|Eff'
inside curl -s -o /dev/null -w '%{http_code}\n' http://$R4:99/; finish)sh",
     "ready=1\nCapEff 0000000000000400\nNoNewPrivs 1\nSeccomp 2\n000\nstatus=143\n"},
    {"SandboxLeavesTheHostsMounts", R"sh(cat /proc/self/mountinfo >before; target; start -c --enable-sandbox $N tap0
cat /proc/self/mountinfo | cmp - before && echo same)sh",
     "ready=1\nsame\n"},
    {"SandboxWithAUserNamespaceByPath", SHOW R"sh(target
start -c --enable-sandbox --netns-type=path --userns-path=/proc/$N/ns/user /proc/$N/ns/net tap0; show | grep Eff)sh",
     "ready=1\nCapEff 0000000000000400\n", ours_alone("B11: it fails")},
    {"SocketGoesThoughTheRootIsAnother", R"sh(target; start -c --enable-sandbox --enable-seccomp --api-socket $PWD/s $N tap0
[ -S s ] && echo there; finish; [ -S s ] || echo gone)sh",
     "ready=1\nthere\nstatus=143\ngone\n", ours_alone("B10: it stays")},
};
INSTANTIATE_TEST_SUITE_P(Locks, Face, testing::ValuesIn(kLocks), name_of_case);

}  // namespace
}  // namespace postern::lab
