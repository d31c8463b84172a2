#!/bin/sh
# demo.sh - installs what is needed, builds Postern and runs its main job for real, in a lab of two hosts made of network
# namespaces: no packet leaves this machine. It prints each step and what proved it. As root or as an ordinary user.
#
#   sh contrib/demo.sh [--build-dir DIR]
#
# As root, the rootless part runs under a spare user id (no account is made), from an installed copy in a folder that every user
# may enter. Exit status: 0 if every step was proved.
set -eu
cd "$(dirname "$0")/.."
build=$PWD/build
if [ "${1:-}" = --build-dir ]; then
  build=$(realpath -m "${2:?--build-dir needs a folder}")
fi

say() { printf '\n== %s\n' "$*"; }

say "1. What the build and the demo need"
sh contrib/install-deps.sh

say "2. Build"
cmake -S . -B "$build" -G Ninja >"$build.log" 2>&1 || { cat "$build.log" && exit 1; }
rm -f "$build.log"
ninja -C "$build" --quiet postern postern-lab postern-echo

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
chmod 0755 "$tree"
cmake --install "$build" --prefix "$tree" >/dev/null

# What follows runs on the lab's "host", as an ordinary user without a capability. $LAB_... name the other host and its servers.
cat >"$tree/steps" <<'END'
set -eu
say() { printf '\n== %s\n' "$*"; }
show() { printf '$ %s\n' "$*"; }
proved() { printf '   proved: %s\n' "$*"; }
fail() { printf '   FAILED: %s\n' "$*" >&2; exit 1; }

say "3. Who we are: $(id -un), uid $(id -u); capabilities: $(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)"
show "postern doctor"
postern doctor || fail "this host cannot run it; the lines above say what mends it"

say "4. A namespace of its own fetches a page from the other host ($LAB_REMOTE4), over outbound NAT"
show "postern run -- curl -s http://$LAB_REMOTE4/"
page=$(postern run -- curl -sS --max-time 10 "http://$LAB_REMOTE4/") || fail "no page"
printf '%s\n' "$page"
outside=$(readlink /proc/self/ns/net)
inside=$(postern run -- readlink /proc/self/ns/net)
[ "$inside" != "$outside" ] || fail "it ran in our own network namespace"
proved "the page came; outside is $outside, inside was $inside"

say "5. A name, resolved inside through 10.0.2.3 by the host's own nameserver"
show "postern run -- getent ahostsv4 $LAB_DNS_NAME"
address=$(postern run -- getent ahostsv4 "$LAB_DNS_NAME" | awk 'NR == 1 { print $1 }')
[ "$address" = "$LAB_REMOTE4" ] || fail "got \"$address\", not $LAB_REMOTE4"
proved "$LAB_DNS_NAME is $address"

say "6. A server inside, published at port 8080 of the host ($LAB_HOST4) and reached from the other host"
show "postern run -p 8080:80 -- busybox httpd -f -p 80 -h DIR"
site=$(mktemp -d)
echo "served from inside" >"$site/index.html"
mkfifo "$site/ready"
postern run -p 8080:80 --ready-fd 3 -- busybox httpd -f -p 80 -h "$site" 3>"$site/ready" &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf "$site"' EXIT
[ "$(timeout 10 cat "$site/ready")" = 1 ] || fail "the network inside did not come up"
show "curl http://$LAB_HOST4:8080/     (on the other host)"
answer=$(postern-lab --enter remote -- curl -sS --max-time 10 --retry 20 --retry-delay 1 --retry-all-errors "http://$LAB_HOST4:8080/") ||
  fail "not reached"
printf '%s\n' "$answer"
[ "$answer" = "served from inside" ] || fail "another page"
proved "the other host has the page that exists inside only"

say "7. The end: postern is told to stop, and nothing is left"
kill $server
wait $server || true
trap 'rm -rf "$site"' EXIT
! pgrep -x httpd >/dev/null 2>&1 && ! pgrep -x postern-init >/dev/null 2>&1 || fail "something still runs"
proved "no process of it is left"
END

say "3-7 run in the lab"
"$build/tests/bin/postern-lab" --user --tree "$tree" --servers http,dns -- sh /run/lab/tree/steps
say "All steps were proved. Try your own: $build/bin/postern run -- CMD (postern run --help)"
