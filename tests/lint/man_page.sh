#!/bin/sh
# man_page.sh <file>... - groff renders the man pages without a warning.
. "$(dirname "$0")/lint.sh"

command -v groff >/dev/null || lint_skip "groff is missing"
warnings=$(groff -man -Tutf8 -ww -z "$@" 2>&1)
[ -z "$warnings" ] || { echo "$warnings" && exit 1; }
