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
                --api-socket --pcap --sandbox \
                --network --dns --add-host --ip --hostname --env --workdir
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

# Whether the next word is a command of bridge's; whether the command of bridge's is one of these.
function __postern_at_bridge
    set -l words (commandline -opc)
    test (count $words) -eq 2; and test "$words[2]" = bridge
end

function __postern_in_bridge
    set -l words (commandline -opc)
    test "$words[2]" = bridge; and contains -- "$words[3]" $argv
end

function __postern_networks
    command ls /run/postern/bridge/networks 2>/dev/null
end

complete -c postern -f
complete -c postern -n __fish_is_first_token -a run -d "Run a command in namespaces of its own, connected"
complete -c postern -n __fish_is_first_token -a attach -d "Connect a namespace that exists"
complete -c postern -n __fish_is_first_token -a ports -d "Publish ports of a running one"
complete -c postern -n __fish_is_first_token -a status -d "What a running one does"
complete -c postern -n __fish_is_first_token -a top -d "Its flows, live"
complete -c postern -n __fish_is_first_token -a doctor -d "What this host allows, and what mends it"
complete -c postern -n __fish_is_first_token -a trace -d "Where packets go, and who changes or drops them"
complete -c postern -n __fish_is_first_token -a bridge -d "Networks of the kernel's own bridge"
complete -c postern -n __fish_is_first_token -a inspect -d "The whole stack of a network namespace"
complete -c postern -n __fish_is_first_token -l help -d "Print the commands"
complete -c postern -n __fish_is_first_token -l version -d "Print the versions"

complete -c postern -n __postern_workload -a "(__fish_complete_subcommand --commandline (__postern_workload))"
complete -c postern -n "__postern_in attach" -F

complete -c postern -n "__postern_in run attach ports status top doctor trace bridge" -s h -l help -d "Print the options"
complete -c postern -n "__postern_in ports status top doctor" -l json -d "For programs"
complete -c postern -n "__postern_in ports status top" -x -l pid -d "The process of postern to ask"
complete -c postern -n "__postern_in ports status top" -r -l api-socket -d "Ask who listens there"
complete -c postern -n "__postern_in status" -l prometheus -d "Metrics, in Prometheus's text format"
complete -c postern -n "__postern_in top" -x -l interval -d "Seconds between two samples"
complete -c postern -n "__postern_in top" -x -l count -d "End after so many samples"
complete -c postern -n "__postern_in top" -x -l sort -a "rate bytes rtt" -d "What stands first"
complete -c postern -n "__postern_in ports" -l kill -d "End the connections of removed ports too"
complete -c postern -n "__postern_in ports" -a "add rm ls"

complete -c postern -n "__postern_in run" -x -l network -a "slirp none host bridge" -d "What network there is inside"
complete -c postern -n "__postern_in run" -x -l dns -d "Nameserver inside"
complete -c postern -n "__postern_in run" -x -l add-host -d "NAME:ADDRESS for /etc/hosts and DNS inside"
complete -c postern -n "__postern_in run" -x -l ip -d "Its address in the bridge network"
complete -c postern -n "__postern_in run" -x -l hostname -d "Name by which others of the bridge network find it"
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
complete -c postern -n "__postern_in run attach" -r -l pcap -d "Record the namespace's frames"
complete -c postern -n "__postern_in run attach" -x -l sandbox -a "required best-effort" -d "What if a layer cannot be had"
complete -c postern -n "__postern_in run attach" -l no-sandbox -d "Do not lock the relay up"
complete -c postern -n "__postern_in run attach" -s v -l verbose -d "Tell more"
complete -c postern -n "__postern_in run attach" -s q -l quiet -d "Tell of failures only"

complete -c postern -n "__postern_in trace" -a "ip ip6 tcp udp icmp icmp6 sctp proto src dst host net port portrange and or not"
complete -c postern -n "__postern_in trace" -r -l netns -a "all (command ls /run/netns 2>/dev/null)" -d "Where to look"
complete -c postern -n "__postern_in trace" -x -l count -d "End after so many packets"
complete -c postern -n "__postern_in trace" -x -l for -d "End after so many seconds"
complete -c postern -n "__postern_in trace" -x -l follow -a "connection packet" -d "What is shown beside the packets that match"
complete -c postern -n "__postern_in trace" -l journey -d "A block a packet"
complete -c postern -n "__postern_in trace" -l json -d "For programs"
complete -c postern -n "__postern_in trace" -r -l html -d "Draw the journeys into a page"
complete -c postern -n "__postern_in trace" -r -l record -d "Keep the events"
complete -c postern -n "__postern_in trace" -r -l replay -d "Show what was recorded"
complete -c postern -n "__postern_in trace" -r -l pcap -d "Keep the packets"
complete -c postern -n "__postern_in trace" -l probe -d "Tell which ways of seeing this host has"

complete -c postern -n "__postern_in inspect" -s h -l help -d "Print the options"
complete -c postern -n "__postern_in inspect" -l all -d "All namespaces that can be seen"
complete -c postern -n "__postern_in inspect" -l json -d "For programs"
complete -c postern -n "__postern_in inspect" -l html -rF -d "Write a page of all namespaces there"
complete -c postern -n "__postern_in inspect" -a "self host (command ls /run/netns 2>/dev/null)"

complete -c postern -n __postern_at_bridge -a up -d "Make a network"
complete -c postern -n __postern_at_bridge -a down -d "Take a network away"
complete -c postern -n __postern_at_bridge -a ls -d "List the networks"
complete -c postern -n __postern_at_bridge -a inspect -d "Tell all of a network"
complete -c postern -n __postern_at_bridge -a attach -d "Connect a network namespace"
complete -c postern -n __postern_at_bridge -a detach -d "Disconnect it"
complete -c postern -n __postern_at_bridge -a ports -d "Publish ports of what is connected"
complete -c postern -n __postern_at_bridge -a check -d "Compare what is with what should be"
complete -c postern -n __postern_at_bridge -a gc -d "Take away what belongs to nobody"
complete -c postern -n __postern_at_bridge -a reload -d "Make rules and helpers again"
complete -c postern -n __postern_at_bridge -a doctor -d "What of this host stands in the way"
complete -c postern -n "__postern_in_bridge up down ls inspect attach detach ports check gc reload doctor" -s h -l help -d "Print the options"
complete -c postern -n "__postern_in_bridge up ls inspect attach ports check doctor" -l json -d "For programs"
complete -c postern -n "__postern_in_bridge down inspect attach detach ports" -a "(__postern_networks)"
complete -c postern -n "__postern_in_bridge attach detach" -F
complete -c postern -n "__postern_in_bridge ports" -a "add rm ls"
complete -c postern -n "__postern_in_bridge up" -x -l subnet -d "Its subnet, or the gateway's address in it"
complete -c postern -n "__postern_in_bridge up" -l ipv6 -d "An IPv6 subnet too"
complete -c postern -n "__postern_in_bridge up" -l internal -d "Reaches nothing but itself, and of the host its DNS server"
complete -c postern -n "__postern_in_bridge up" -x -l isolate -a "published full open" -d "How other bridge networks reach it"
complete -c postern -n "__postern_in_bridge up" -x -l icc -a "on off" -d "Whether its members reach each other"
complete -c postern -n "__postern_in_bridge up" -x -l mtu -d "MTU"
complete -c postern -n "__postern_in_bridge up" -l no-masquerade -d "What leaves the host keeps its source address"
complete -c postern -n "__postern_in_bridge up" -x -l external -a "(__fish_print_interfaces)" -d "Leave the host by this interface only"
complete -c postern -n "__postern_in_bridge up" -l no-names -d "No DNS server at the gateway"
complete -c postern -n "__postern_in_bridge up" -x -l ip-forward -a "auto require never" -d "Where the host does not forward packets"
complete -c postern -n "__postern_in_bridge up" -l if-missing -d "No error where there is one of that name"
complete -c postern -n "__postern_in_bridge down" -l force -d "With all that is connected"
complete -c postern -n "__postern_in_bridge attach" -x -l ip -d "Its address"
complete -c postern -n "__postern_in_bridge attach detach" -x -l name -d "The interface inside"
complete -c postern -n "__postern_in_bridge attach" -x -s p -l publish -d "[IP:]PORT[-END]:PORT[/tcp|udp]"
complete -c postern -n "__postern_in_bridge attach" -x -l hostname -d "Name by which others of the network find it, instead of the id"
complete -c postern -n "__postern_in_bridge attach" -x -l id -d "What it is called here"
complete -c postern -n "__postern_in_bridge attach" -x -l mac -d "MAC address inside"
