#!/bin/sh
# documented.sh <program> - what --help offers is what the man page and the completions offer, no option more and none less; and
# README.md and docs/*.md name no command or option that it does not have.
. "$(dirname "$0")/lint.sh"
program=$1
failed=0

complain() {
  echo "$*"
  failed=1
}

# ---- each prints the options of a command, one a line; a command may be two words: "bridge up"

of_help() {
  # shellcheck disable=SC2086 # words
  "$program" $1 --help | sed -n 's/^  \(-[^ ]*\).*/\1/p' | tr , '\n'
}

# The tag behind .TP, in the command's section (or subsection), or in the one that run and attach share.
of_man_page() {
  common=
  case $1 in
    run | attach) common='COMMON OPTIONS' ;;
    bridge\ *) common='POSTERN BRIDGE' ;;
  esac
  awk -v own="POSTERN $1" -v common="$common" '
    /^\.SH/ { section = substr($0, 5); wanted = section == toupper(own) || section == common }
    /^\.SS postern/ { wanted = $2 " " $3 " " $4 == tolower(own) }
    wanted && tag { print }
    { tag = $0 == ".TP" }' docs/man/postern.1 | grep -oE '\\-(\\-)?[a-z0-9]+(\\-[a-z0-9]+)*' | sed 's/\\//g'
}

# What bash offers for "postern COMMAND -".
of_bash() {
  # shellcheck disable=SC2016 # bash's variables
  bash -c '. contrib/completions/postern.bash; COMP_WORDS=(postern $1 -) COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _postern
    printf "%s\n" "${COMPREPLY[@]}"' bash "$1"
}

of_zsh() {
  lists=$(echo "$1" | tr ' ' _)_options
  case $1 in run | attach) lists="network_options $lists" ;; esac
  for list in $lists; do sed -n "/^  $list=(/,/^  )/s/\[.*//p" contrib/completions/postern.zsh; done |
    grep -oE -- '--?[a-z0-9]+(-[a-z0-9]+)*'
}

of_fish() {
  condition=__postern_in
  case $1 in *' '*) condition=__postern_in_${1% *} ;; esac
  grep -E "^complete .*\"${condition}[a-z ]* ${1#* }[ \"]" contrib/completions/postern.fish | awk '
    { for (i = 1; i < NF && $i != "-d"; ++i) if ($i == "-s") print "-" $(i + 1); else if ($i == "-l") print "--" $(i + 1) }'
}

# ---- options with a value, which a completion must know to find CMD behind them

settings_of_help() {
  # shellcheck disable=SC2086
  "$program" $1 --help | sed -nE 's/^  (-[^ ]*) [A-Z][A-Z:=|]*( .*)?$/\1/p' | tr , '\n'
}

settings_of_bash() {
  # shellcheck disable=SC2016
  bash -c '. contrib/completions/postern.bash; _postern_settings "$1"' bash "$1" | tr ' ' '\n'
}

# compare <command> <the expected> <the found> <where>
compare() {
  for option in $2; do
    echo "$3" | grep -qxe "$option" || complain "$4: $option of postern $1 is missing"
  done
  for option in $3; do
    echo "$2" | grep -qxe "$option" || complain "$4: postern $1 has no $option"
  done
}

# check_command <command>: all of the above
check_command() {
  options=$(of_help "$1")
  [ -n "$options" ] || complain "postern $1 --help names no options"
  compare "$1" "$options" "$(of_man_page "$1")" docs/man/postern.1
  compare "$1" "$options" "$(of_bash "$1")" contrib/completions/postern.bash
  compare "$1" "$options" "$(of_zsh "$1")" contrib/completions/postern.zsh
  compare "$1" "$options" "$(of_fish "$1")" contrib/completions/postern.fish
  compare "$1" "$(settings_of_help "$1")" "$(settings_of_bash "$1")" "contrib/completions/postern.bash, values"
  known="$known$(echo "$options" | sed "s/^/$(echo "$1" | tr ' ' _) /")
"
}

commands=$("$program" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
[ -n "$commands" ] || complain "$program --help names no commands"
command -v bash >/dev/null || lint_skip "bash is missing"
known=
for command in $commands; do check_command "$command"; done

# ---- the commands of `postern bridge`, which postern-bridge tells of

subcommands=$("$program" bridge --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
[ -n "$subcommands" ] || complain "$program bridge --help names no commands"
for subcommand in $subcommands; do check_command "bridge $subcommand"; done
offered=$(bash -c '. contrib/completions/postern.bash; COMP_WORDS=(postern bridge "") COMP_CWORD=2; _postern; printf "%s\n" "${COMPREPLY[@]}"')
compare bridge "$subcommands" "$offered" "contrib/completions/postern.bash, commands"
compare bridge "$subcommands" "$(sed -n 's/^complete .*__postern_at_bridge -a \([a-z]*\) .*/\1/p' contrib/completions/postern.fish)" \
  "contrib/completions/postern.fish, commands"
compare bridge "$subcommands" "$(sed -n '/bridge_commands=(/,/)/p' contrib/completions/postern.zsh | grep -oE "'[a-z]+:" | tr -d "':")" \
  "contrib/completions/postern.zsh, commands"

# ---- the face of slirp4netns

face=$(dirname "$program")/../libexec/postern/slirp4netns
options=$("$face" --help | grep -oE '^ +(-[a-z0-9], )?--[a-z0-9-]+' | grep -oE -- '--?[a-z0-9][a-z0-9-]*')
[ -n "$options" ] || complain "slirp4netns --help names no options"
in_man_page=$(awk '/^\.SH/ { wanted = $2 == "OPTIONS" } wanted && tag { print } { tag = $0 == ".TP" }' docs/man/slirp4netns.1 |
  sed 's/\\f.*//; s/\\//g' | grep -oE -- '--?[a-z0-9][a-z0-9-]*')
compare slirp4netns "$options" "$in_man_page" docs/man/slirp4netns.1
in_table=$(sed -n '/^## Options/,/^## Behaviour/s/^| \(`-[^|]*\) |.*/\1/p' docs/compatibility.md | grep -oE -- '--?[a-z0-9][a-z0-9-]*')
for option in $options; do
  echo "$in_table" | grep -qxe "$option" || complain "docs/compatibility.md: $option of slirp4netns is missing"
done
known="$known$(echo "$options --no-host-loopback --create-sandbox" | tr ' ' '\n' | sed "s/^/slirp4netns /")
"

# In Markdown only code counts: a line of a block that begins with postern, or `postern ...`, as far as "--"; and a span that
# begins with an option: `--mtu 1500` is ours, another program's option stands with its program.
set -- README.md docs/*.md
wrong=$(POSTERN_KNOWN="$known" awk '
  BEGIN {
    count = split(ENVIRON["POSTERN_KNOWN"], lines, "\n")
    for (i = 1; i <= count; ++i) { split(lines[i], pair, " "); has[pair[1]] = has[pair[1], pair[2]] = any[pair[2]] = 1 }
    any["--help"] = any["--version"] = 1
  }
  function report(what) { printf "%s:%d: %s\n", FILENAME, FNR, what }
  function check(text,    words, count, i, option, command) {
    count = split(text, words, " ")
    if (words[1] ~ /^-/) return any[words[1]] ? 0 : report("no command has " words[1])
    if (words[2] ~ /^-/) return words[2] ~ /^--(help|version)$/ ? 0 : report("postern has no " words[2])
    if (words[2] !~ /^[a-z]+$/) return 0
    command = words[2]
    if (!has[command]) return report("postern has no command " command)
    i = 3
    if (command == "bridge" && words[3] ~ /^[a-z]+$/) {
      command = "bridge_" words[i++]
      if (!has[command]) return report("postern bridge has no command " words[3])
    }
    for (; i <= count && words[i] !~ /^\[?--\]?$/; ++i) {
      option = words[i]
      gsub(/^\[|[],.=].*$/, "", option)
      if (option ~ /^-/ && !has[command, option]) report("postern " command " has no " option)
    }
  }
  /^```/ { block = !block; next }
  block || /^    / {
    if (match($0, /^ *(\$ )?(sudo )?([A-Z_]+=[^ ]* )*postern /)) check("postern " substr($0, RLENGTH + 1))
    next
  }
  { count = split($0, spans, "`"); for (i = 2; i <= count; i += 2) if (spans[i] ~ /^(postern |--?[a-z])/) check(spans[i]) }
' "$@")
[ -z "$wrong" ] || complain "$wrong"
exit $failed
