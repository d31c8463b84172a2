#!/bin/sh
# init.sh - PID 1 of the guest: makes a machine of the initramfs, runs the tests and turns it off.
#
# If it ends too early the kernel panics and QEMU ends; run.sh then misses the plan, TAP's last line, and calls that a failure.
export PATH=/postern/bin:/postern/tests/bin:/usr/sbin:/usr/bin:/usr/local/lib/postern-test HOME=/root
export POSTERN_ABSENT_LIST=/postern/absent-here.txt

/usr/bin/busybox --install -s /usr/bin 2>/dev/null # programs that are there already stay
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
ip link set lo up

printf '%s\n' root:x:0:0:root:/root:/bin/sh vm:x:1000:1000:vm:/tmp:/bin/sh >/etc/passwd
printf '%s\n' root:x:0: vm:x:1000: >/etc/group
echo vm:100000:65536 | tee /etc/subuid >/etc/subgid
echo 127.0.0.1 localhost >/etc/hosts
echo nameserver 192.0.2.53 >/etc/resolv.conf

# The kernel speaks on the first serial port, we on the second.
exec </dev/null >/dev/ttyS1 2>&1
stty -F /dev/ttyS1 raw
cd /postern || exit
sh tests.sh | tee /tmp/tap
echo "1..$(grep -cE '^(not )?ok ' /tmp/tap)"
poweroff -f
