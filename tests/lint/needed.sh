#!/bin/sh
# needed.sh <program> - the relay program asks the dynamic linker for these libraries only: each further one costs start-up
# time and resident memory in every container. The C++ runtime is linked statically.
set -u

needed=$(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
[ -n "$needed" ] || { echo "$1: readelf shows no NEEDED; is it a dynamic program?" && exit 1; }
others=$(echo "$needed" | grep -vE '^(lib(slirp|glib-2\.0|seccomp|cap|mnl|c|m)|ld-linux[-a-z0-9_]*)\.so(\.[0-9]+)*$')
[ -z "$others" ] || { echo "$1 needs more than it may:" && echo "$others" && exit 1; }
