# postern.fish - fish completion for postern(1).
# tests/lint/documented.sh compares the options with those of --help: an option stands on one line with its commands.

# Prints CMD and its arguments in `postern run ... CMD ...`; fails before CMD has begun.
function __postern_workload
    set -l words (commandline -opc) (commandline -ct)
    test "$words[2]" = run; or return 1
    set -l words $words[3..]
    while set -q words[1]
        set -l word $words[1]
        if test $word = --
            set -e words[1]
            break
        else if not string match -q -- '-*' $word
            break
        end
        set -e words[1]
        if contains -- $word -p --publish --publish-source --reach --engine --mtu --cidr --outbound-addr --outbound-addr6 --max-flows --udp-nat --ready-fd \
                --api-socket --sandbox \
                --network --dns --add-host --env --workdir
            set -q words[1]; or return 1
            set -e words[1]
        end
    end
    set -q words[1]; and printf '%s\n' $words
end

# Whether the command is one of these, and no CMD has begun.
function __postern_in
    set -l words (commandline -opc)
    contains -- "$words[2]" $argv; and not __postern_workload >/dev/null
end

complete -c postern -f
complete -c postern -n __fish_is_first_token -a run -d "Run a command in namespaces of its own, connected"
complete -c postern -n __fish_is_first_token -a attach -d "Connect a namespace that exists"
complete -c postern -n __fish_is_first_token -a ports -d "Publish ports of a running one"
complete -c postern -n __fish_is_first_token -a status -d "What a running one does"
complete -c postern -n __fish_is_first_token -a doctor -d "What this host allows, and what mends it"
complete -c postern -n __fish_is_first_token -l help -d "Print the commands"
complete -c postern -n __fish_is_first_token -l version -d "Print the versions"

complete -c postern -n __postern_workload -a "(__fish_complete_subcommand --commandline (__postern_workload))"
complete -c postern -n "__postern_in attach" -F

complete -c postern -n "__postern_in run attach ports status doctor" -s h -l help -d "Print the options"
complete -c postern -n "__postern_in ports status doctor" -l json -d "For programs"
complete -c postern -n "__postern_in ports status" -x -l pid -d "The process of postern to ask"
complete -c postern -n "__postern_in ports status" -r -l api-socket -d "Ask who listens there"
complete -c postern -n "__postern_in ports" -l kill -d "End the connections of removed ports too"
complete -c postern -n "__postern_in ports" -a "add rm ls"

complete -c postern -n "__postern_in run" -x -l network -a "slirp none host" -d "What network there is inside"
complete -c postern -n "__postern_in run" -x -l dns -d "Nameserver inside"
complete -c postern -n "__postern_in run" -x -l add-host -d "NAME:ADDRESS for /etc/hosts and DNS inside"
complete -c postern -n "__postern_in run" -l map-auto -d "Map subordinate ids too"
complete -c postern -n "__postern_in run" -l keep-id -d "Be the same user inside"
complete -c postern -n "__postern_in run" -l private -d "Hide /tmp, /run and the runtime folder"
complete -c postern -n "__postern_in run" -x -l env -d "NAME=VALUE for the command"
complete -c postern -n "__postern_in run" -x -l workdir -a "(__fish_complete_directories)" -d "Start the command here"
complete -c postern -n "__postern_in run" -l die-with-parent -d "End with the caller"

complete -c postern -n "__postern_in attach" -s c -l configure -d "Set addresses and the default route"
complete -c postern -n "__postern_in attach" -x -l macaddress -d "MAC address of the TAP"
complete -c postern -n "__postern_in attach" -x -l dns -d "Nameserver that the DNS addresses lead to"

complete -c postern -n "__postern_in run attach" -x -s p -l publish -d "[IP:]PORT[-END]:PORT[/tcp|udp]"
complete -c postern -n "__postern_in run attach" -x -l publish-source -a "namespace loopback gateway" -d "As whom loopback clients are seen"
complete -c postern -n "__postern_in run attach" -x -l reach -d "HOST_PORT[:PORT] of the host's loopback"
complete -c postern -n "__postern_in run attach" -x -l engine -a "fast libslirp" -d "Who carries TCP, UDP and ping"
complete -c postern -n "__postern_in run attach" -x -l udp-nat -a "address-dependent full-cone" -d "Who may answer a UDP port inside"
complete -c postern -n "__postern_in run attach" -l udp-same-port -d "A UDP port inside has the same number outside"
complete -c postern -n "__postern_in run attach" -x -l mtu -d "MTU of the TAP"
complete -c postern -n "__postern_in run attach" -x -l cidr -d "IPv4 network inside"
complete -c postern -n "__postern_in run attach" -l ipv6 -d "IPv6 always"
complete -c postern -n "__postern_in run attach" -l no-ipv6 -d "No IPv6"
complete -c postern -n "__postern_in run attach" -l allow-host-loopback -d "The gateway leads to the host's loopback"
complete -c postern -n "__postern_in run attach" -l isolate-host -d "The host's other addresses are closed too"
complete -c postern -n "__postern_in run attach" -x -l outbound-addr -a "(__fish_print_interfaces)" -d "Source of outgoing IPv4"
complete -c postern -n "__postern_in run attach" -x -l outbound-addr6 -a "(__fish_print_interfaces)" -d "Source of outgoing IPv6"
complete -c postern -n "__postern_in run attach" -x -l max-flows -d "Connections at once"
complete -c postern -n "__postern_in run attach" -x -l ready-fd -d "Descriptor to write to when the network works"
complete -c postern -n "__postern_in run attach" -r -l api-socket -d "Serve the control protocol there too"
complete -c postern -n "__postern_in run attach" -x -l sandbox -a "required best-effort" -d "What if a layer cannot be had"
complete -c postern -n "__postern_in run attach" -l no-sandbox -d "Do not lock the relay up"
complete -c postern -n "__postern_in run attach" -s v -l verbose -d "Tell more"
complete -c postern -n "__postern_in run attach" -s q -l quiet -d "Tell of failures only"
