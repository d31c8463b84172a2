#!/bin/sh
# tests.sh - the guest's tests in their order, as TAP without numbers.
# shellcheck source=cases.sh
. /postern/cases.sh

# What is on when the kernel panics or the time is over.
begin() {
  echo "test: $1" >/dev/kmsg
}

# cases <function of cases.sh>...: each in a shell of its own, which ends at the first command that fails.
cases() {
  for name; do
    begin "$name"
    if timeout 60 sh -euc ". /postern/cases.sh; $name" >/tmp/output 2>&1; then
      echo "ok - $name"
    else
      echo "not ok - $name (status $?)"
      sed 's/^/#   /' /tmp/output
    fi
  done
}

# googletest [as_user] <program> [<argument>...]: its tests, in one process. What it says goes with the test that failed.
googletest() {
  begin "$*"
  { "$@" 2>&1; echo "[  STATUS  ] $?"; } | awk -v call="$*" '
    function report(verdict, what) { print verdict " - " what said; said = ""; ++tests }
    { name = $4; sub(/,$/, "", name) } # the comma: of a test with a parameter
    /^\[ RUN      \]/ { said = ""; next }
    /^\[       OK \]/ { said = ""; report("ok", name); next }
    /^\[  SKIPPED \] .* ms\)$/ { gsub(/\n#  /, "", said); said = " # SKIP" said; report("ok", name); next }
    /^\[  FAILED  \] .* ms\)$/ { failed = 1; report("not ok", name); next }
    /^\[  STATUS  \]/ { status = $4; next }
    { said = said "\n#   " $0 }
    END { if ((status != 0 && !failed) || !tests) report("not ok", call " (status " status ")") }'
}

# As it booted, without modules: the guest has what modprobe loads and nothing that loads by itself.
cases guest_is_an_older_kernel_on_a_true_rootfs
cases doctor_names_the_missing_driver run_names_the_missing_driver remedies_mend_the_tun
cases run_needs_resolv_conf_without_overlay doctors_remedy_mends_overlay run_shows_resolv_conf_by_overlay
modprobe veth

cases doctor_says_that_run_works doctor_knows_what_this_kernel_lacks
cases userns_off_is_named_and_mended run_does_without_a_fresh_proc
cases run_ends_with_the_commands_status killed_postern_leaves_nothing
cases run_fetches_over_both_families published_port_is_reached_from_near_and_far attach_ends_with_its_namespace

for program in tests/bin/unit_*; do googletest as_user "$program"; done

echo "# doctor $(as_user postern doctor --json | jq -c .)"
