# postern.bash - bash completion for postern(1), with or without the package bash-completion.
# shellcheck shell=bash
# tests/lint/documented.sh compares the options with those of --help.

_postern_flags() {  # <command>: its options without a value
    case $1 in
        run) echo "-h --help --ipv6 --no-ipv6 --allow-host-loopback --isolate-host --udp-same-port --no-sandbox --map-auto --keep-id --private --die-with-parent -v --verbose -q --quiet" ;;
        attach) echo "-h --help -c --configure --ipv6 --no-ipv6 --allow-host-loopback --isolate-host --udp-same-port --no-sandbox -v --verbose -q --quiet" ;;
        ports) echo "-h --help --json --kill" ;;
        status) echo "-h --help --json --prometheus" ;;
        top | doctor) echo "-h --help --json" ;;
        trace) echo "-h --help --journey --json --probe" ;;
        bridge) echo "-h --help" ;;
        inspect) echo "-h --help --all --json" ;;
        "bridge up") echo "-h --help --ipv6 --internal --no-masquerade --no-names --if-missing --json" ;;
        "bridge down") echo "-h --help --force" ;;
        "bridge detach" | "bridge gc" | "bridge reload") echo "-h --help" ;;
        "bridge "*) echo "-h --help --json" ;;
    esac
}

_postern_settings() {  # <command>: its options with a value
    local network="-p --publish --publish-source --reach --engine --mtu --cidr --outbound-addr --outbound-addr6 --max-flows --udp-nat --ready-fd --api-socket --pcap --sandbox"
    case $1 in
        run) echo "$network --network --dns --add-host --ip --hostname --env --workdir" ;;
        attach) echo "$network --macaddress --dns" ;;
        ports | status) echo "--pid --api-socket" ;;
        trace) echo "--netns --count --for --follow --html --record --replay --pcap" ;;
        inspect) echo "--html" ;;
        top) echo "--pid --api-socket --interval --count --sort" ;;
        "bridge up") echo "--subnet --isolate --icc --mtu --external --ip-forward" ;;
        "bridge attach") echo "--ip --name -p --publish --hostname --id --mac" ;;
        "bridge detach") echo "--name" ;;
    esac
}

_postern_reply() {  # <compgen argument>...
    mapfile -t COMPREPLY < <(compgen "$@" -- "$current")
}

_postern_value() {  # <option>
    case $1 in
        --sandbox) _postern_reply -W "required best-effort" ;;
        --publish-source) _postern_reply -W "namespace loopback gateway" ;;
        --engine) _postern_reply -W "fast libslirp" ;;
        --sort) _postern_reply -W "rate bytes rtt" ;;
        --udp-nat) _postern_reply -W "address-dependent full-cone" ;;
        --network) _postern_reply -W "slirp none host bridge" ;;
        --isolate) _postern_reply -W "published full open" ;;
        --icc) _postern_reply -W "on off" ;;
        --ip-forward) _postern_reply -W "auto require never" ;;
        --netns) compopt -o filenames 2>/dev/null; _postern_reply -f -W "all $(ls /run/netns 2>/dev/null)" ;;
        --follow) _postern_reply -W "connection packet" ;;
        --api-socket | --html | --pcap | --record | --replay) compopt -o filenames 2>/dev/null; _postern_reply -f ;;
        --pid) _postern_reply -W "$(sed -n "s,.*@postern/$EUID/,,p" /proc/net/unix | sort -u)" ;;
        --workdir) compopt -o filenames 2>/dev/null; _postern_reply -d ;;
        --outbound-addr | --outbound-addr6 | --external) [[ ! -d /sys/class/net ]] || _postern_reply -W "$(ls /sys/class/net)" ;;
    esac
}

_postern_command() {  # <index of CMD>: what CMD completes, for CMD
    if declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif (($1 == COMP_CWORD)); then
        _postern_reply -c
    else
        compopt -o filenames 2>/dev/null
        _postern_reply -f
    fi
}

_postern_takes_a_network() {  # <command> <words before the cursor that are no options>: whether a bridge network's name is next
    case $1 in
        "bridge down" | "bridge inspect" | "bridge attach" | "bridge detach") (($2 == 0)) ;;
        "bridge ports") (($2 == 1)) ;;
        *) false ;;
    esac
}

# Walks from the command to the cursor. readline splits words at = and : too: "--mtu" "=" "1500", "8080" ":" "80".
_postern() {
    local current=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} awaited='' first word next=2 places=0
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _postern_reply -W "run attach ports status top doctor trace bridge inspect --help --version"
        return
    fi
    if [[ $command == bridge ]]; then
        if ((COMP_CWORD == 2)) && [[ $current != -* ]]; then
            _postern_reply -W "up down ls inspect attach detach ports check gc reload doctor"
            return
        fi
        ((COMP_CWORD == 2)) || command="bridge ${COMP_WORDS[2]}" next=3
    fi
    while ((next <= COMP_CWORD)); do
        first=$next word=${COMP_WORDS[next++]}
        while ((next <= COMP_CWORD)) && [[ ${COMP_WORDS[next]} == [:=]* ]]; do ((next += 2)); done
        if [[ -n $awaited ]] && ((next <= COMP_CWORD)); then
            awaited=
        elif ((next > COMP_CWORD)); then
            break
        elif [[ $word == -- && $command == run ]]; then
            _postern_command "$next"
            return
        elif [[ $word != -?* ]]; then
            ((++places))
            if [[ $command == run ]]; then
                _postern_command "$first"
                return
            fi
        elif ((next == first + 1)) && [[ " $(_postern_settings "$command") " == *" $word "* ]]; then
            awaited=$word
        fi
    done
    if ((first < COMP_CWORD)) && [[ -z $awaited ]]; then  # behind the = of an option
        awaited=$word
        current=${current#=}
    fi
    if [[ -n $awaited ]]; then
        _postern_value "$awaited"
    elif [[ $current == -* ]]; then
        _postern_reply -W "$(_postern_flags "$command") $(_postern_settings "$command")"
    elif [[ $command == run ]]; then
        _postern_command "$COMP_CWORD"
    elif [[ $command == ports || $command == "bridge ports" ]] && ((places == 0)); then
        _postern_reply -W "add rm ls"
    elif _postern_takes_a_network "$command" "$places"; then
        [[ ! -d /run/postern/bridge/networks ]] || _postern_reply -W "$(ls /run/postern/bridge/networks 2>/dev/null)"
    elif [[ $command == "bridge attach" || $command == "bridge detach" ]] && ((places == 1)); then
        compopt -o filenames 2>/dev/null
        _postern_reply -f
    elif [[ $command == trace ]]; then
        _postern_reply -W "ip ip6 tcp udp icmp icmp6 sctp proto src dst host net port portrange and or not"
    elif [[ $command == inspect ]] && ((places == 0)); then
        _postern_reply -W "self host $(ls /run/netns 2>/dev/null)"
    elif [[ $command == attach ]] && ((places == 0)); then
        compopt -o filenames 2>/dev/null
        _postern_reply -f
    fi
}

complete -F _postern postern
