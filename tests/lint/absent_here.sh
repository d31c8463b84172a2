#!/bin/sh
# absent_here.sh [<list>] - what tests/absent-here.txt lists is absent indeed. Only under POSTERN_REQUIRE_ALL=1, that is on the
# reference machine: elsewhere a kernel may have it all.
. "$(dirname "$0")/lint.sh"

[ "${POSTERN_REQUIRE_ALL-}" = 1 ] || exit 0
fresh="unshare --user --map-root-user --net --mount"
$fresh true || { echo "nothing can be probed without user namespaces" && exit 1; }
sed -n '/^#/d; s/^\([^:]*\): */\1\t/p' "${1-tests/absent-here.txt}" | {
  found=0
  while IFS="$(printf '\t')" read -r feature probe; do
    if $fresh sh -c "$probe" >/dev/null 2>&1 </dev/null; then
      echo "$feature is present: let its tests run and take it off the list" && found=1
    fi
  done
  exit $found
}
