#!/bin/sh
# check.sh - the gate: installs what is needed, builds Postern and runs its tests. As root or as an ordinary user.
#
#   sh contrib/check.sh                     what every change must pass; at most 20 minutes on 2 cores
#   sh contrib/check.sh --all               that, and clang, sanitizers, all of clang-tidy, fuzzing, chaos and the VM; a skip fails
#   sh contrib/check.sh --only unit,lint    these steps alone (the build is brought up to date first)
#   sh contrib/check.sh --list              the steps
#   --build-dir DIR                         instead of build/; the further builds lie beside it (DIR-clang and so on)
#
# Each step's output goes to DIR/check/STEP.log; what matters of a failed one is printed. The last line counts tests; a step
# that fails without a failed test (a build, say) counts as one failure. Exit status: 0 passed, 1 failed, 2 wrong usage.
set -u
cd "$(dirname "$0")/.." || exit 1

steps() {
  cat <<'END'
# name       set   prerequisite  what it is
deps         gate  -             what the build and the tests need is installed
configure    gate  -             CMake, Release, g++
build        gate  configure     everything compiles without a warning
headers      gate  build         each public header stands alone
lint         gate  build         floors, format, shell scripts, man page, linked libraries
unit         gate  build         no privilege, no network: seconds
lab          gate  build         hosts made of namespaces; as an ordinary user and as root
clients      gate  build         podman, buildah and rootlesskit on our slirp4netns; as an ordinary user
bulk         gate  build         1 GiB through each engine, down and up, over both families
fuzz         gate  build         the fuzzers' corpora replayed
tidy         gate  configure     clang-tidy on what changed last
clang        all   -             clang 14: build and tests
asan         all   -             AddressSanitizer and UBSan: build and tests
tidy-all     all   configure     clang-tidy on every source
fuzz-run     all   -             corpora cover their parsers, a planted bug is found, each fuzz target 30 seconds
cycles       all   build         started and ended a thousand times, each way
kills        all   build         bridge mode, killed at two hundred moments
bad-wire     all   build         the fast engine on a wire that loses and spoils: 2000 seeds simulated, 100 of a real TAP
chaos        all   build         the lab's tests again, crowded, in random order, three times
vm           all   build         an older kernel under QEMU
END
}

usage() {
  sed -n '2,/^set -u/s/^# \{0,1\}//p' contrib/check.sh >&2
  exit 2
}

sets=gate
only=
build=$PWD/build
while [ $# -gt 0 ]; do
  case $1 in
    --all) sets='gate all' ;;
    --only) only="${2:?--only needs a step}" && shift ;;
    --build-dir) build=$(realpath -m "${2:?--build-dir needs a folder}") && shift ;;
    --list) steps && exit ;;
    *) usage ;;
  esac
  shift
done

field() {  # field <step> <number>
  steps | awk -v step="$1" -v field="$2" '$1 == step { print $field }'
}

purpose() {  # purpose <step>: the last column
  steps | awk -v step="$1" '$1 == step { $1 = $2 = $3 = ""; sub(/^ +/, ""); print }'
}

# The steps to run, in the table's order: those of the sets, or those named and what they stand on.
plan() {
  if [ -z "$only" ]; then
    steps | awk -v sets="$sets" '$1 != "#" && index(sets, $2) { print $1 }'
    return
  fi
  wanted=
  for step in $(echo "$only" | tr ',' ' '); do
    [ -n "$(field "$step" 1)" ] || { echo "check: no step is named $step (--list)" >&2 && return 1; }
    while [ "$step" != - ]; do
      wanted="$wanted $step"
      step=$(field "$step" 3)
    done
  done
  steps | awk -v wanted="$wanted " 'index(wanted, " " $1 " ") { print $1 }'
}
plan=$(plan) || exit 2
case "$sets $plan" in *all* | *clang* | *fuzz-run* | *vm*) level=--all ;; *) level= ;; esac
case $sets in *all*) export POSTERN_REQUIRE_ALL=1 ;; esac

jobs=$(nproc)
clang=$(command -v clang++-14 || echo clang++)
logs=$build/check
if ! mkdir -p "$logs" 2>/dev/null || [ ! -w "$logs" ]; then
  echo "check: $logs cannot be written; whose is $build? Name a folder of your own: --build-dir DIR" >&2
  exit 2
fi
if [ -t 1 ] && [ "${CI-}" != true ]; then
  red=$(printf '\033[31m') green=$(printf '\033[32m') plain=$(printf '\033[0m')
else
  red='' green='' plain=''
fi

passed=0 failed=0 skipped=0

# ---- what the steps are made of

configure() {  # configure <folder> <cmake option>...
  folder=$1 && shift
  cmake -S . -B "$folder" -G Ninja "$@"
}

# Sanitizers want line numbers and little more: with -O2 -g a source takes three times as long to compile.
configure_sanitized() {  # configure_sanitized <folder> <cmake option>...
  folder=$1 && shift
  configure "$folder" -DCMAKE_BUILD_TYPE=RelWithDebInfo "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -g1" "$@"
}

compile() {  # compile <folder> [<target>...]
  folder=$1 && shift
  cmake --build "$folder" --parallel "$jobs" ${1+--target "$@"}
}

# run_tests <folder> <label>[|<label>...] [<ctest option>...]: runs the tests that bear one of the labels and adds to the counts.
# No test is a failure.
run_tests() {
  folder=$1 labels="^($2)\$" && shift 2
  results=$folder/Testing/results.xml
  rm -f "$results"
  ctest --test-dir "$folder" -L "$labels" --parallel "$jobs" --no-tests=error --output-on-failure --output-junit "$results" "$@"
  status=$?
  failures=$(counted failures) skips=$(counted skipped)
  passed=$((passed + $(counted tests) - failures - skips - $(counted disabled)))
  failed=$((failed + failures)) skipped=$((skipped + skips))
  return $status
}

counted() {  # a number from the head of ctest's JUnit file: tests, failures, skipped, disabled
  number=$(grep -om1 "$1=\"[0-9]*\"" "$results" 2>/dev/null | tr -cd 0-9)
  echo "${number:-0}"
}

# ---- the steps

step_deps() { sh contrib/install-deps.sh $level; }
step_configure() { configure "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=g++; }
step_build() { compile "$build"; }
step_headers() { compile "$build" all_verify_interface_header_sets; }
step_lint() { run_tests "$build" lint; }
step_unit() { run_tests "$build" unit; }
step_lab() { run_tests "$build" lab; }
step_clients() { run_tests "$build" clients; }
step_bulk() { run_tests "$build" bulk; }
step_fuzz() { run_tests "$build" fuzz; }
step_tidy() { run_tests "$build" tidy; }
step_vm() { run_tests "$build" vm; }
step_tidy_all() { sh tests/lint/tidy.sh "$build" all; }

step_cycles() {
  export POSTERN_CYCLES=1000
  run_tests "$build" lab -R '\.By/Cycles\.'
  status=$?
  unset POSTERN_CYCLES
  return $status
}

# Half a second each: two minutes in all.
step_kills() {
  export POSTERN_KILLS=200
  run_tests "$build" lab -R 'BridgeKilled'
  status=$?
  unset POSTERN_KILLS
  return $status
}

# A seed of the simulation takes 20 ms, one of a real TAP 2 s in each framing: a few minutes in all, on a busy machine less than 10.
step_bad_wire() {
  export POSTERN_CHAOS_SEEDS=2000
  run_tests "$build" unit -R '\.Simulation\.'
  status=$?
  POSTERN_CHAOS_SEEDS=100
  run_tests "$build" lab -R '/ChaosRun\.' || status=$?
  unset POSTERN_CHAOS_SEEDS
  return $status
}

# What holds only in the usual order, or on an idle machine, fails here.
step_chaos() { run_tests "$build" lab --schedule-random --repeat until-fail:3 --parallel $((4 * jobs)); }

step_clang() {
  configure "$build-clang" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$clang" &&
    compile "$build-clang" && run_tests "$build-clang" 'unit|lab'
}

step_asan() {
  configure_sanitized "$build-asan" -DSANITIZE=address,undefined &&
    compile "$build-asan" && run_tests "$build-asan" 'unit|lab|fuzz'
}

# Each target that ctest replays, from its corpus on; what it finds stays in DIR-fuzz/found. Before that, whether the corpora reach
# what they should, and whether a bug would be found.
step_fuzz_run() {
  sh tests/fuzz/coverage.sh "$build-coverage" || return
  configure_sanitized "$build-fuzz" -DCMAKE_CXX_COMPILER="$clang" -DPOSTERN_FUZZERS=ON || return
  targets=$(ctest --test-dir "$build-fuzz" -N -L '^fuzz$' | sed -n 's/.*: fuzz\.//p')
  [ -n "$targets" ] || { echo "there are no fuzz targets" && return 1; }
  # shellcheck disable=SC2046 # the targets are words
  compile "$build-fuzz" fuzz_planted_bug $(echo "$targets" | sed 's/^/fuzz_/') || return
  find_planted_bug "$build-fuzz/found/planted_bug" || return
  # shellcheck disable=SC2016 # the inner shell's variables
  echo "$targets" | xargs -n 1 -P "$jobs" sh -c '
    found=$0/found/$1 && mkdir -p "$found/corpus" &&
      "$0/tests/bin/fuzz_$1" -max_total_time=30 -close_fd_mask=2 -print_final_stats=1 -artifact_prefix="$found/" "$found/corpus" "tests/fuzz/corpus/$1" &&
      echo "fuzz_$1: nothing found in 30 s"' "$build-fuzz" || return
  passed=$((passed + $(echo "$targets" | wc -l)))
}

# find_planted_bug <folder for what is found>: from no seed, for one of parse_ip's may show it already.
find_planted_bug() {
  rm -rf "$1" && mkdir -p "$1"
  "$build-fuzz/tests/bin/fuzz_planted_bug" -max_total_time=30 -max_len=256 -print_final_stats=1 -artifact_prefix="$1/" 2>&1
  ls "$1"/crash-* && passed=$((passed + 1))
}

# ---- how they are run and shown

# A line of life every minute, for a log or a person that waits.
start_pulse() {
  (
    trap 'kill $! 2>/dev/null; exit' TERM
    while :; do
      sleep 60 >/dev/null 2>&1 &
      wait $!
      echo "       ... $(tail -n 1 "$1" | cut -c 1-110)"
    done
  ) &
  pulse=$!
}
stop_pulse() {
  [ -z "$pulse" ] || kill "$pulse" 2>/dev/null
  pulse=
}
pulse=
trap stop_pulse EXIT
trap 'exit 130' INT TERM

# Of a log what explains a failure: without the tests that passed, and not without end.
show_failure() {
  grep -vE '^ *[0-9]+/[0-9]+ Test .* (Passed|\*+Skipped)|^ *Start +[0-9]+: ' "$logs/$1.log" | tail -n 150 | sed 's/^/  | /'
  echo "  ${red}$1 failed${plain}; all of it: $logs/$1.log; to repeat it:"
  echo "    sh contrib/check.sh --only $1$([ "$build" = "$PWD/build" ] || echo " --build-dir $build")"
}

run_step() {
  printf '%-10s %s\n' "$1" "$(purpose "$1")"
  start=$(date +%s) failed_before=$failed passed_before=$passed skipped_before=$skipped
  start_pulse "$logs/$1.log"
  "step_$(echo "$1" | tr - _)" >"$logs/$1.log" 2>&1
  status=$?
  stop_pulse
  tests=$((passed - passed_before + failed - failed_before))
  verdict=passed colour=$green
  if [ $status -ne 0 ]; then
    [ "$failed" -gt "$failed_before" ] || failed=$((failed + 1))
    verdict=FAILED colour=$red
    show_failure "$1"
  fi
  counts=
  [ $tests -eq 0 ] || counts="$tests tests"
  [ "$skipped" -eq "$skipped_before" ] || counts="$counts, $((skipped - skipped_before)) skipped"
  row "$1" $verdict $(($(date +%s) - start)) "$counts" "$colour"
  sed -n 's,^ *[0-9]*/[0-9]* Test *#[0-9]*: \([^ ]*\) .*\*\*\*Skipped.*,       skipped: \1,p' "$logs/$1.log"
  return $status
}

table=
row() {  # row <step> <verdict> <seconds> <counts> <colour>
  line=$(printf '%-10s %s%-8s%s %5d s  %s' "$1" "$5" "$2" "$plain" "$3" "$4")
  echo "$line"
  table="$table$line
"
}

begin=$(date +%s)
broken=' '
for step in $plan; do
  case $broken in
    *" $(field "$step" 3) "*)
      row "$step" 'not run' 0 "$(field "$step" 3) failed" "$red"
      broken="$broken$step "
      ;;
    *) run_step "$step" || broken="$broken$step " ;;
  esac
done

printf '\n%s' "$table"
printf '%-10s %-8s %5d s  %d skipped\n\n' all '' $(($(date +%s) - begin)) "$skipped"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
