#!/bin/sh
# coverage.sh - how much of its parser each corpus runs through: coverage.sh BUILD_FOLDER
#
# Builds the targets in BUILD_FOLDER with clang's source-based coverage, replays each corpus and prints a line a source. One of
# which less than $least % of the lines were run is a failure: what no seed reaches, a fuzzer may need hours to find. Which sources
# belong to which target stands in CMakeLists.txt (COVERS).
set -eu
cd "$(dirname "$0")/../.."
build=${1:?usage: coverage.sh BUILD_FOLDER}
least=85

clang=$(command -v clang++-14 || command -v clang++)
cov=$(command -v llvm-cov-14 || command -v llvm-cov)
profdata=$(command -v llvm-profdata-14 || command -v llvm-profdata)

cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER="$clang" -DCMAKE_CXX_FLAGS_DEBUG=-O0 \
  -DCMAKE_CXX_FLAGS='-fprofile-instr-generate -fcoverage-mapping' >/dev/null
covers=$build/tests/fuzz/covers.txt
# shellcheck disable=SC2046 # the targets are words
cmake --build "$build" --parallel "$(nproc)" --target $(sed 's/^\([^ ]*\) .*/fuzz_\1/' "$covers")

# line <target> <source> <tracefile>: prints its share, and fails below the least one.
line() {
  awk -F: -v target="$1" -v source="/$2" -v least=$least '
    $1 == "SF" { wanted = substr($2, length($2) - length(source) + 1) == source }
    wanted && $1 == "LF" { lines = $2 }
    wanted && $1 == "LH" { run = $2 }
    END {
      share = lines ? 100 * run / lines : 0
      printf "%-26s %-36s %4d lines %6.1f %%%s\n", target, substr(source, 2), lines, share, share < least ? "  too little" : ""
      exit share < least
    }' "$3"
}

failed=0
while read -r target sources; do
  program=$build/tests/bin/fuzz_$target data=$build/$target
  LLVM_PROFILE_FILE=$data.profraw "$program" "tests/fuzz/corpus/$target" >"$data.log" 2>&1 ||
    { tail -n 20 "$data.log" && exit 1; }
  "$profdata" merge -o "$data.profdata" "$data.profraw"
  "$cov" export -format=lcov -instr-profile="$data.profdata" "$program" >"$data.lcov"
  for source in $sources; do
    line "$target" "$source" "$data.lcov" || failed=1
  done
done <"$covers"
exit $failed
