# cases.sh - what only this kernel and this machine can show: a function a case, sourced by tests.sh. A case ends at the first
# command that fails (sh -eu) and puts back what it changed.
# shellcheck shell=sh

as_user() {
  setpriv --reuid 1000 --regid 1000 --clear-groups -- "$@"
}

fail() {
  echo "$*"
  exit 1
}

# ends_with <status> <command>...: what the command wrote is then in $out and $err.
ends_with() {
  expected=$1 status=0
  shift
  out=$("$@" 2>/tmp/err) || status=$?
  err=$(cat /tmp/err)
  [ "$status" = "$expected" ] || fail "$* ended with $status: $out $err"
}

contains() { # contains <text> <part>
  case $1 in *"$2"*) ;; *) fail "no \"$2\" in: $1" ;; esac
}

# A complaint a person can act on: one line, and Postern's.
is_one_line_with() { # is_one_line_with <text> <remedy>
  [ "$(echo "$1" | wc -l)" = 1 ] || fail "not one line: $1"
  case $1 in "postern: "*) contains "$1" "$2" ;; *) fail "not Postern's: $1" ;; esac
}

# examine: what doctor finds, for finding(); its status is a case of its own.
examine() {
  as_user postern doctor --json >/tmp/doctor || true
}

finding() { # finding <check> <key>
  jq -r --arg check "$1" --arg key "$2" '.checks[] | select(.check == $check)[$key]' /tmp/doctor
}

has() { # has <check> <key> <text>: what doctor found
  [ "$(finding "$1" "$2")" = "$3" ] || fail "$1, $2: not \"$3\" but \"$(finding "$1" "$2")\""
}

# mends <check> <command>: this is the remedy that doctor names, and it is done.
mends() {
  has "$1" remedy "sudo $2"
  $2
  examine
}

# in_lab <script>: as the ordinary user of a lab's host, with a web server on the remote.
in_lab() {
  postern-lab --user --servers http -- sh -euc "$1"
}

# ---- the machine as it booted

guest_is_an_older_kernel_on_a_true_rootfs() {
  case $(uname -r) in 6.1.*) ;; *) fail "kernel $(uname -r)" ;; esac
  grep ' / / .* - rootfs ' /proc/self/mountinfo
}

doctor_names_the_missing_driver() {
  ends_with 1 as_user postern doctor
  contains "$out" 'remedy: sudo modprobe tun'
  contains "$out" 'postern run cannot work here: tun missing'
}

run_names_the_missing_driver() {
  ends_with 125 as_user postern run -- true
  is_one_line_with "$err" 'sudo modprobe tun'
}

remedies_mend_the_tun() {
  examine
  mends tun 'modprobe tun'
  mends tun 'chmod 0666 /dev/net/tun' # the kernel makes the node for root alone
  has tun status ok
}

without_resolv_conf() {
  mv /etc/resolv.conf /tmp
  trap 'mv /tmp/resolv.conf /etc' EXIT
}

run_needs_resolv_conf_without_overlay() {
  without_resolv_conf
  ends_with 125 as_user postern run -- true
  is_one_line_with "$err" '/etc/resolv.conf does not exist'
}

doctors_remedy_mends_overlay() {
  examine
  mends overlay 'modprobe overlay'
  has overlay status ok
}

run_shows_resolv_conf_by_overlay() {
  without_resolv_conf
  ends_with 0 as_user postern run -- cat /etc/resolv.conf
  contains "$out" 'nameserver 10.0.2.3'
}

# ---- the machine as it should be

doctor_says_that_run_works() {
  ends_with 0 as_user postern doctor
  contains "$out" 'postern run works here'
  ends_with 0 as_user postern doctor --json
  echo "$out" | jq -e '.version == 1 and .run_works'
}

doctor_knows_what_this_kernel_lacks() {
  examine
  has tso status ok
  has uso status limited # since Linux 6.2
  has landlock found 'Landlock version 2' # 3 since Linux 6.2
}

userns_off_is_named_and_mended() {
  sysctl -qw user.max_user_namespaces=0
  trap 'sysctl -qw user.max_user_namespaces=15000' EXIT
  ends_with 1 as_user postern doctor
  contains "$out" 'postern run cannot work here: userns missing'
  ends_with 125 as_user postern run -- true
  is_one_line_with "$err" 'sudo sysctl user.max_user_namespaces=15000'
  examine
  mends userns 'sysctl user.max_user_namespaces=15000'
  has userns status ok
  ends_with 0 as_user postern run -- true
}

# The kernel refuses a fresh /proc where parts of the old one are covered: mount_too_revealing().
run_does_without_a_fresh_proc() {
  ends_with 0 as_user postern run -- readlink /proc/self
  [ "$out" -lt 10 ] || fail "pid $out in a new pid namespace"
  mount -t tmpfs none /proc/fs
  trap 'umount /proc/fs' EXIT
  examine
  has proc status limited
  ends_with 0 as_user postern run -- readlink /proc/self
  [ "$out" -gt 10 ] || fail "the old /proc shows the pid outside, not $out"
}

run_ends_with_the_commands_status() {
  ends_with 7 as_user postern run -- sh -c 'exit 7'
}

users_processes() {
  find /proc -maxdepth 1 -user 1000 -name '[0-9]*'
}

killed_postern_leaves_nothing() {
  # shellcheck disable=SC2016 # the inner shells' variables
  as_user sh -c 'echo $$; exec postern run -- sh -c "(setsid sleep 4711 &) && echo up && exec sleep 4711"' >/tmp/said &
  until grep -q up /tmp/said; do :; done
  [ "$(users_processes | wc -l)" -ge 4 ] || fail "postern, its init, the command and the daemon: $(users_processes)"
  kill -KILL "$(head -n 1 /tmp/said)"
  until [ -z "$(users_processes)" ]; do :; done
}

# ---- a network

# shellcheck disable=SC2016 # the lab's variables
run_fetches_over_both_families() {
  in_lab '
    test "$(postern run -- curl -s http://$LAB_REMOTE4/client)" = $LAB_HOST4
    test "$(postern run -- curl -s http://[$LAB_REMOTE6]/client)" = $LAB_HOST6'
}

# shellcheck disable=SC2016
published_port_is_reached_from_near_and_far() {
  in_lab '
    postern run -p 8080:80 -- busybox httpd -f -p 80 -h $LAB_WWW &
    until curl -s http://127.0.0.1:8080/index.html; do :; done
    page=$(postern-lab --enter remote curl -s http://$LAB_HOST4:8080/index.html)
    test "$page" = "hello from the remote"
    kill $!'
}

# shellcheck disable=SC2016
attach_ends_with_its_namespace() {
  in_lab '
    unshare --user --map-root-user --net sleep infinity &
    target=$!
    until test $(readlink /proc/$target/ns/net) != $(readlink /proc/self/ns/net); do :; done
    postern attach --configure --ready-fd 3 $target tap0 3>$TMPDIR/ready &
    attached=$!
    until test -s $TMPDIR/ready; do kill -0 $attached; done
    test $(nsenter -t $target --user --preserve-credentials --net curl -s http://$LAB_REMOTE4/client) = $LAB_HOST4
    kill $target
    wait $attached'
}
