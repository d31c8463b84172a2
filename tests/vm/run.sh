#!/bin/sh
# run.sh [<build>] - boots Debian 12's own kernel (6.1) under QEMU with the build in its initramfs, and passes the guest's tests on.
#
# Status: 0 passed, 1 failed, 77 skipped because something is missing (under POSTERN_REQUIRE_ALL=1 that is a failure).
# What the kernel says goes to <build>/vm/console.log, what the guest says, TAP, to standard output and <build>/vm/tap.
set -u

here=$(cd "$(dirname "$0")" && pwd) || exit 1
build=$(realpath -m "${1:-$here/../../build}")
folder=$build/vm
limit=540 # seconds; some 40 on an idle machine

# A named skip, or a failure where all is asked for.
skip() {
  echo "skipped: $1 (sh contrib/install-deps.sh --all)"
  if [ "${POSTERN_REQUIRE_ALL-}" = 1 ]; then exit 1; fi
  exit 77
}

[ "$(uname -m)" = x86_64 ] || skip "the kernel is for x86_64"
for program in qemu-system-x86_64 cpio busybox jq apt-get dpkg-deb xz; do
  command -v "$program" >/dev/null || skip "$program is missing"
done
kernel=$(sh "$here/kernel.sh" "$folder") || skip "there is no Debian 12 kernel"
sh "$here/initramfs.sh" "$build" "$kernel" "$folder/initramfs" || exit 1

# No KVM: where it is offered inside a virtual machine it may hang. -no-reboot: a panic ends QEMU. Without the kernel's own
# cryptographic self-tests and without mitigations it boots in half the time.
boot() {
  timeout --foreground "$limit" qemu-system-x86_64 -accel tcg -cpu max -smp 2 -m 1G -nodefaults -no-user-config -display none -no-reboot \
    -kernel "$kernel/vmlinux" -initrd "$folder/initramfs" -append "console=ttyS0 panic=-1 mitigations=off cryptomgr.notests" \
    -serial "file:$folder/console.log" -serial stdio </dev/null
}

# What depends on the kernel alone, and doctor finds otherwise there than here.
compare_kernels() {
  "$build/bin/postern" doctor --json >"$folder/doctor.here"
  sed -n 's/^# doctor //p' "$folder/tap" >"$folder/doctor.guest"
  jq -rs '.[0] as $here | .[1] as $guest | "Linux \($guest.kernel) and what differs on \($here.kernel):",
    ($guest.checks[] | select(.check | IN("pidfd", "sysctl", "overlay", "tso", "uso", "landlock", "btf")) | . as $there
     | $here.checks[] | select(.check == $there.check and .found != $there.found)
     | "  \(.check): \($there.found); \(.found)")' "$folder/doctor.here" "$folder/doctor.guest"
}

boot | tee "$folder/tap" | grep --line-buffered -v '^# doctor'
planned=$(sed -n 's/^1\.\.//p' "$folder/tap")
passed=$(grep -c '^ok ' "$folder/tap")
failed=$(grep -c '^not ok ' "$folder/tap")
if [ "${planned:-0}" = 0 ] || [ "$planned" != $((passed + failed)) ]; then
  echo "not ok - the guest has not come to its end: a panic, or more than $limit s; its kernel's last words:"
  tail -n 25 "$folder/console.log" | sed 's/^/#   /'
  failed=$((failed + 1))
else
  compare_kernels
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
