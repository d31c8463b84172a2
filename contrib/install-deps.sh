#!/bin/sh
# install-deps.sh - installs what Postern's build, tests, benchmarks and demo need, each package by name.
#
#   sh contrib/install-deps.sh [--build-only | --all]
#     --build-only   what compiles Postern, nothing for its tests
#     (neither)      that and what contrib/check.sh, contrib/demo.sh and the benchmarks use
#     --all          that and what contrib/check.sh --all adds: clang, the sanitizers' runtime, llvm-cov, QEMU; and the programs
#                    of the benchmark's program rows
#
# As root on Debian or Ubuntu it installs what is missing, by apt-get. As an ordinary user, or on Fedora or Arch, it installs
# nothing: it prints the command that would and exits 1. When all is there it says so and exits 0, in a moment.
#
# It starts and enables no service, and removes and reconfigures nothing. So no package in the table may bring a daemon that
# its installation starts: dnsmasq-base and not dnsmasq. Where there is no such package (nginx, podman, sshd, rsync, PostgreSQL)
# the programs alone are unpacked to /usr/local/lib/postern-test when the machine has none. The tests look in $PATH, in /usr/sbin,
# then there.
set -u

private=/usr/local/lib/postern-test

needs() {
  cat <<'END'
# level  Debian/Ubuntu       Fedora                  Arch             what for
  build  g++                 gcc-c++                 gcc
  build  cmake               cmake                   cmake
  build  ninja-build         ninja-build             ninja
  build  pkg-config          pkgconf-pkg-config      pkgconf
  build  -                   libstdc++-static        -                the programs link it statically
  build  libslirp-dev        libslirp-devel          libslirp
  build  libglib2.0-dev      glib2-devel             glib2
  build  libmnl-dev          libmnl-devel            libmnl
  build  libnftables-dev     nftables-devel          nftables
  build  libnetfilter-conntrack-dev  libnetfilter_conntrack-devel  libnetfilter_conntrack
  build  libpcap-dev         libpcap-devel           libpcap          headers; the library where --pcap is used
  build  libcap-dev          libcap-devel            libcap
  build  libseccomp-dev      libseccomp-devel        libseccomp
  build  libfmt-dev          fmt-devel               fmt
  build  libspdlog-dev       spdlog-devel            spdlog
  build  libcli11-dev        cli11-devel             cli11
  build  nlohmann-json3-dev  json-devel              nlohmann-json
  build  libexpected-dev     expected-devel          tl-expected
  build  clang-14            clang                   clang            this and the next two: the probes that postern trace has in
  build  bpftool             bpftool                 bpf              the kernel, src/probes; without one of them all else is
  build  libbpf-dev          libbpf-devel            libbpf           built
  test   libgtest-dev        gtest-devel             gtest
  test   libgmock-dev        gmock-devel             gtest
  test   libbenchmark-dev    google-benchmark-devel  benchmark
  test   git                 git                     git              which files changed
  test   clang-format-14     clang-tools-extra       clang
  test   clang-tidy-14       clang-tools-extra       clang
  test   shellcheck          ShellCheck              shellcheck
  test   groff-base          groff-base              groff            the man page
  test   procps              procps-ng               procps-ng        ps, pgrep
  test   python3             python3                 python           tests/bench/peers
  test   util-linux          util-linux              util-linux       setpriv, unshare, nsenter, findmnt
  test   libcap2-bin         libcap                  libcap           getpcaps
  test   uidmap              shadow-utils            shadow           newuidmap, newgidmap
  test   iproute2            iproute                 iproute2
  test   nftables            nftables                nftables
  test   conntrack           conntrack-tools         conntrack-tools
  test   curl                curl                    curl
  test   bind9-dnsutils      bind-utils              bind             dig
  test   iputils-ping        iputils                 iputils
  test   iperf3              iperf3                  iperf3
  test   netcat-openbsd      netcat                  openbsd-netcat
  test   socat               socat                   socat
  test   busybox-static      busybox                 busybox          tests/clients copies libc where it is not static
  test   udhcpc              -                       -                elsewhere an applet of busybox
  test   dnsmasq-base        dnsmasq                 dnsmasq
  test   -                   nginx                   nginx            Debian: see above
  test   -                   podman                  podman           Debian: see above; tests/clients
  test   buildah             buildah                 buildah
  test   rootlesskit         -                       rootlesskit
  test   runc                runc                    runc             crun refuses hybrid cgroups
  test   conmon              -                       -                podman's: this and the next two
  test   libsubid4           -                       -
  test   netavark            -                       -
  test   containernetworking-plugins  containernetworking-plugins  cni-plugins  tests of postern-cni; starts no service
  test   jq                  jq                      jq
  test   strace              strace                  strace           tests/bench/peers counts system calls
  test   slirp4netns         slirp4netns             slirp4netns      the peers of tests/bench; tests/netns/face_test.h
  test   passt               passt                   passt
  all    libclang-rt-14-dev  compiler-rt             compiler-rt      sanitizers, libFuzzer
  all    llvm-14             llvm                    llvm             llvm-cov: tests/fuzz/coverage.sh
  all    qemu-system-x86     qemu-system-x86-core    qemu-system-x86  tests/vm
  all    cpio                cpio                    cpio
  all    chromium            chromium                chromium         tests/page; half a gigabyte, therefore here
  all    wrk                 wrk                     wrk              this and the rest: tests/bench/peers, program-*
  all    apt-utils           -                       -                apt-ftparchive
  all    openssh-client      openssh-clients         openssh
  all    -                   openssh-server          openssh          Debian: see above; so the next two
  all    -                   rsync                   rsync
  all    -                   postgresql-server       postgresql
  all    -                   postgresql-contrib      postgresql       pgbench
  all    libwrap0            -                       -                sshd's
  all    libpopt0            -                       -                rsync's: this and the next
  all    libxxhash0          -                       -
  all    libpq5              -                       -                PostgreSQL's: this and the next
  all    libxml2             -                       -
END
}

die() {
  printf 'install-deps: %s\n' "$*" >&2
  exit 1
}

# packages <column>: the packages of that distribution for the level asked for, one a line.
packages() {
  needs | awk -v column="$1" -v levels="$levels" '
    $1 != "#" && index(levels, $1) && $column != "-" && !seen[$column]++ { print $column }'
}

missing_debian() {
  installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | tr '\n' ' ') "
  for package in $(packages 2); do
    case $installed in
      # busybox and busybox-static exclude each other; either will do.
      *" $package "* | *" ${package%-static} "*) ;;
      *) echo "$package" ;;
    esac
  done
}

# What is unpacked for whom: the package, the program that stands for all, and where each goes: a program to the folder itself; a
# folder to where its programs look for it, beside them.
unpacked() {
  cat <<'END'
test  nginx           nginx     usr/sbin/nginx
test  podman          podman    usr/bin/podman usr/lib/podman/rootlessport
all   openssh-server  sshd      usr/sbin/sshd
all   rsync           rsync     usr/bin/rsync
all   postgresql-15   postgres  usr/lib/postgresql/15/ usr/share/postgresql/15/
END
}

# The packages of those that the machine has not.
missing_unpacked() {
  unpacked | while read -r level package program _; do
    case " $levels " in *" $level "*) ;; *) continue ;; esac
    PATH=$PATH:/usr/sbin:$private:$(postgres_folders) command -v "$program" >/dev/null || echo "$package"
  done
}

# Debian's are not in PATH.
postgres_folders() {
  printf '%s:' /usr/lib/postgresql/*/bin "$private"/lib/postgresql/*/bin
}

# unpack <package>: its programs, without the package's scripts, which would enable and start services. The libraries that they
# link came with packages of the table: nginx's with git and curl, podman's with buildah and libsubid4, the others' as it says.
unpack() (
  folder=$(mktemp -d) || exit 1
  trap 'rm -rf "$folder"' EXIT
  cd "$folder" || exit 1
  apt-get download -q -o APT::Sandbox::User=root "$1" || exit 1
  dpkg-deb --fsys-tarfile "$1"_*.deb | tar -x || exit 1
  mkdir -p "$private" || exit 1
  # The first comes last: when it is there, all are.
  for path in $(unpacked | awk -v package="$1" '$2 == package { for (i = NF; i > 3; i--) print $i }'); do
    move_unpacked "$path" || exit 1
  done
)

# move_unpacked <path>: a program, or with / at its end a folder of some.
move_unpacked() {
  case $1 in
    */) programs=$(find "$1" -path '*/bin/*' -type f) target=$private/${1#usr/} ;;
    *) programs=$1 target=$private/ ;;
  esac
  for program in $programs; do
    chmod 755 "$program" && ! ldd "$program" | grep 'not found' || return 1
  done
  case $1 in
    */) mkdir -p "$target" && cp -R "$1." "$target" ;;
    *) mv "$1" "$target" ;;
  esac
}

apt_line() {
  echo "apt-get install --no-install-recommends --no-remove -y $*"
}

debian() {
  missing=$(missing_debian | tr '\n' ' ')
  to_unpack=$(missing_unpacked | tr '\n' ' ')
  if [ -z "$missing$to_unpack" ]; then return 0; fi
  if [ "$(id -u)" != 0 ]; then
    echo "Missing: $missing$to_unpack. As root:"
    [ -z "$missing" ] || echo "  $(apt_line "$missing")"
    [ -z "$to_unpack" ] || echo "  sh contrib/install-deps.sh     # unpacks programs to $private, starts no service: $to_unpack"
    return 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  # A repository of somebody else's that does not answer is no reason to stop: the installation will tell.
  apt-get update -q || echo "install-deps: apt-get update failed, going on with the lists that are here" >&2
  if [ -n "$missing" ]; then
    # shellcheck disable=SC2046 # the words of the line are the arguments
    env $(apt_line -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$missing") || die "apt-get could not install: $missing"
  fi
  for package in $to_unpack; do
    unpack "$package" || die "$package: its programs could not be unpacked to $private"
  done
}

# other <column> <what prints the missing packages> <what installs them>
other() {
  # shellcheck disable=SC2046,SC2086 # the lists are words
  missing=$($2 $(packages "$1"))
  [ -n "$missing" ] || return 0
  # shellcheck disable=SC2086
  echo "Missing. As root:" && echo "  $3" $missing
  return 1
}

missing_fedora() {
  for package; do rpm -q --quiet --whatprovides "$package" || echo "$package"; done
}

case "${1-}" in
  --build-only) levels=build ;;
  '') levels='build test' ;;
  --all) levels='build test all' ;;
  *) die "unknown option $1 (one of --build-only, --all)" ;;
esac

if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
  debian || exit 1
elif command -v rpm >/dev/null && command -v dnf >/dev/null; then
  other 3 missing_fedora 'dnf install' || exit 1
elif command -v pacman >/dev/null; then
  other 4 'pacman -T' 'pacman -S --needed' || exit 1
else
  echo "This script knows Debian, Ubuntu, Fedora and Arch. What Debian calls the packages:" && packages 2
  exit 1
fi
echo "Everything that is needed is installed."
