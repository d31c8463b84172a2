#!/bin/sh
# shell.sh - shellcheck finds nothing in our scripts.
. "$(dirname "$0")/lint.sh"

command -v shellcheck >/dev/null || lint_skip "shellcheck is missing"
lint_files '*.sh' '.ci/run' | xargs shellcheck -x -P SCRIPTDIR
