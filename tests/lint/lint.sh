# lint.sh - what the lint scripts share; each sources it as `. "$(dirname "$0")/lint.sh"` and then stands in the project's root.
# shellcheck shell=sh
set -u
cd "$(dirname "$0")/../.." || exit 1

# git, in a checkout that may belong to another user than the one who checks it.
lint_git() {
  git -c safe.directory='*' "$@"
}

# lint_files <pattern>...: the project's files whose names match, one a line: what git tracks, or all there is without git.
lint_files() {
  if lint_git rev-parse --git-dir >/dev/null 2>&1; then
    lint_git ls-files -- "$@"
  else
    for pattern; do find . -path './build*' -prune -o -type f -path "./$pattern" -print | sed 's,^\./,,'; done
  fi | while read -r file; do [ ! -f "$file" ] || echo "$file"; done
}

# lint_tool <name>: the tool of LLVM 14 under that name. Another version formats otherwise and finds other things.
lint_tool() {
  for tool in "$1-14" "$1"; do
    if command -v "$tool" >/dev/null && "$tool" --version 2>/dev/null | grep -q 'version 14\.'; then
      echo "$tool"
      return 0
    fi
  done
  return 1
}

# lint_skip <what is missing>: a named skip (CMakeLists.txt tells ctest that 77 is one), or a failure where all is asked for.
lint_skip() {
  echo "skipped: $1 (sh contrib/install-deps.sh)"
  if [ "${POSTERN_REQUIRE_ALL-}" = 1 ]; then exit 1; fi
  exit 77
}
