#!/bin/sh
# tidy.sh <build folder> changed|all - clang-tidy 14 with the project's .clang-tidy, function length included.
#
# "changed": what differs from where this branch left origin/main; on main itself, what the last 20 commits touched. The most
# recent come first and there is a bound, for the gate has its minutes, and the tests are left to "all" (contrib/check.sh --all).
# A header is checked through one source of the product that includes it.
. "$(dirname "$0")/lint.sh"
most=15

# Tracked C++ files of the product that changed, the most recent first.
changed() {
  from=$(lint_git merge-base HEAD origin/main 2>/dev/null)
  if [ -z "$from" ] || [ "$from" = "$(lint_git rev-parse HEAD)" ]; then
    from=$(lint_git rev-list --first-parent --max-count=21 HEAD | tail -n 1)
  fi
  {
    lint_git diff --name-only HEAD -- 'src/*.cpp' 'src/*.h' 'include/*.h'
    lint_git log --format= --name-only "$from..HEAD" -- 'src/*.cpp' 'src/*.h' 'include/*.h'
  } | awk '!seen[$0]++'
}

compiled() {
  grep -qF "\"file\": \"$PWD/$1\"" "$database"
}

# For each file on standard input the source to compile: itself, or for a header the first in src/ that includes it.
sources() {
  while read -r file; do
    case $file in
      *.h) candidates=$(lint_files 'src/*.cpp' | xargs grep -lE "include \"(.*/)?$(basename "$file")\"") ;;
      *) candidates=$file ;;
    esac
    for candidate in $candidates; do
      if compiled "$candidate"; then echo "$candidate" && break; fi
    done
  done | awk '!seen[$0]++'
}

build=$(realpath "${1:?build folder}")
database=$build/compile_commands.json
tool=$(lint_tool clang-tidy) || lint_skip "clang-tidy 14 is missing"
[ -f "$database" ] || { echo "$database is missing: configure first" && exit 1; }

case ${2-} in
  all) files=$(lint_files '*.cpp' | sources) ;;
  changed) files=$(changed | sources) ;;
  *) echo "usage: tidy.sh <build folder> changed|all" && exit 2 ;;
esac
# The tests' precompiled header is g++'s own, and clang refuses it: here it is read as the plain header that it was made of. Nor
# does clang know of -Wrestrict.
own=$build/tidy
mkdir -p "$own" && cp "$build/tests/CMakeFiles/postern_test_headers.dir/cmake_pch.hxx" "$own/" 2>/dev/null
sed "s,-include [^ ]*/cmake_pch\.hxx,-include $own/cmake_pch.hxx,; s,-Winvalid-pch ,,; s,-Wno-restrict ,," "$database" >"$own/compile_commands.json"

count=$(echo "$files" | grep -c .)
if [ "$2" = changed ] && [ "$count" -gt "$most" ]; then
  echo "clang-tidy: the last $most of $count changed sources"
  files=$(echo "$files" | head -n "$most")
else
  echo "clang-tidy: $count sources"
fi
# shellcheck disable=SC2016 # the inner shell's variables; it prints what a source is blamed for, and nothing else
echo "$files" | xargs -r -n 1 -P "$(nproc)" sh -c '
  found=$("$0" -p "$1" --quiet "$2" 2>&1) && exit
  echo "$found" | grep -vE "^[0-9]+ warnings? generated"
  exit 1' "$tool" "$own"
