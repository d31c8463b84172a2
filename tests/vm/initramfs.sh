#!/bin/sh
# initramfs.sh <build> <kernel> <file> - writes the guest's whole world to <file>: busybox, the build, its tests and their clients,
# with the libraries that they name, and the kernel's modules that guest/init.sh loads.
set -u

build=$1 kernel=$2 file=$3
here=$(cd "$(dirname "$0")" && pwd) || exit 1
root=$file.root
PATH=$PATH:/usr/sbin:/sbin:/usr/local/lib/postern-test

# What the tests call that busybox cannot do, or does otherwise: its shell and its timeout prefer its own programs to those in PATH.
clients='sh timeout ip curl dig nginx dnsmasq ping jq setpriv unshare nsenter newuidmap newgidmap getent ss nc'
modules='tun veth overlay'

die() {
  echo "initramfs: $*" >&2
  exit 1
}

# libraries <program>...: the files that ldd names, each once.
libraries() {
  ldd "$@" 2>/dev/null | sed -n 's,^[^/]*\(/[^ ]*\) (0x.*,\1,p' | sort -u
}

# put <file>...: each at its own path, symlinks followed.
put() {
  cp -L --parents -t "$root" "$@" || die "cannot copy $*"
}

# put_modules <module>...: each with what it needs, where modprobe looks for it. Without the aliases of the real modules.dep the
# kernel cannot load one by itself, so the guest decides when it has which.
put_modules() {
  from=$(echo "$kernel"/lib/modules/*)
  to=$root/lib/modules/${from##*/}
  mkdir -p "$to"
  for module; do
    line=$(grep "/$module\.ko:" "$from/modules.dep") || die "the kernel has no module $module"
    echo "$line" >>"$to/modules.dep"
    # shellcheck disable=SC2046 # the files are words
    (cd "$from" && cp --parents -t "$to" $(echo "$line" | tr -d :)) || die "cannot copy $module"
  done
}

rm -rf "$root"
mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64" "$root/dev" "$root/proc" "$root/sys" "$root/run" \
  "$root/root" "$root/var" "$root/etc" "$root/postern/bin" "$root/postern/tests" || die "cannot write $root"
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
mkdir -m 1777 "$root/tmp"

busybox=$(command -v busybox) || die "busybox is missing"
programs=
for client in $clients; do
  path=$(command -v "$client") && programs="$programs $path"
done
# By dlopen(3), which ldd does not tell.
opened=$(ldconfig -p | sed -n 's,.*libpcap\.so\.[0-9.]* .* => ,,p' | head -n 1)
[ -n "$opened" ] || die "libpcap is missing"
cp "$build"/bin/postern* "$root/postern/bin" || die "nothing is built in $build/bin"
cp -R "$build/tests/bin" "$root/postern/tests" || die "no tests are built in $build/tests/bin"
# shellcheck disable=SC2046,SC2086 # lists of words
put "$busybox" $programs $opened $(libraries "$busybox" $programs $opened "$build"/bin/postern* "$build"/tests/bin/unit_* "$build"/tests/bin/*lab*)
chmod u+s "$root"/usr/bin/new?idmap

cp "$here"/guest/* "$here/../absent-here.txt" "$root/postern/" && ln -s postern/init.sh "$root/init" && chmod +x "$root/init"
# shellcheck disable=SC2086 # a list of words
put_modules $modules
(cd "$root" && find . | cpio --quiet -o -H newc -R +0:+0) >"$file"
