#!/bin/sh
# kernel.sh <folder> - sees to it that Debian 12's newest 6.1 kernel lies unpacked in <folder>, and prints where.
#
# The package comes by apt-get download, from the machine's own sources and checked by their signatures; it is never installed.
# A kernel that is there is used again; without a network any version will do. Status 77: none can be had.
set -u

folder=$1
mkdir -p "$folder" && cd "$folder" || exit 1

newest() {
  apt-cache --names-only search '^linux-image-6\.1\.0-[0-9]+-amd64$' 2>/dev/null | cut -d ' ' -f 1 | sort -V | tail -n 1
}

# What Debian's vmlinuz unpacks: decompressing takes a moment here and seconds in an emulator, which boots it as it is (CONFIG_PVH).
decompress() {
  offset=$(LC_ALL=C grep -abom1 "$(printf '\3757zXZ')" "$1" | head -n 1 | cut -d : -f 1)
  tail -c +"$((offset + 1))" "$1" | xz -dc --single-stream
}

# Of the package the kernel and those modules that a network may need. Which of them needs which the package does not say. The
# folder gets its name last, so that a run that is broken off leaves no half of a kernel.
unpack() {
  rm -rf unpacking && mkdir unpacking || return 1
  dpkg-deb --fsys-tarfile "$1" | tar -x -C unpacking --wildcards \
    './boot/vmlinuz-*' './lib/modules/*/kernel/net/*' './lib/modules/*/kernel/lib/*' './lib/modules/*/kernel/crypto/*' \
    './lib/modules/*/kernel/fs/overlayfs/*' './lib/modules/*/kernel/drivers/net/*.ko' || return 1
  decompress unpacking/boot/vmlinuz-* >unpacking/vmlinux || return 1
  busybox depmod -b "$PWD/unpacking" "$(ls unpacking/lib/modules)" || return 1
  mv unpacking "$2"
}

package=$(newest)
if [ -n "$package" ] && [ ! -d "$package" ]; then
  # Messages go to standard error; the download needs no root, and asks for none when it is root.
  apt-get download -q -o APT::Sandbox::User=root "$package" >&2 && deb=$(echo "$package"_*.deb) && unpack "$deb" "$package"
  rm -f "$package"_*.deb
fi
kept=$(find . -maxdepth 1 -name 'linux-image-*' -type d | sort -V | tail -n 1)
if [ -z "$kept" ]; then
  echo "apt-get download gives no Debian 12 kernel: ${package:-apt-cache knows no linux-image-6.1.0-*-amd64 (apt-get update)}" >&2
  exit 77
fi
echo "$PWD/${kept#./}"
