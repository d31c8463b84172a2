#compdef postern
# postern.zsh - zsh completion for postern(1); installed as _postern.
# tests/lint/documented.sh compares the options with those of --help: an option stands on one line, in the list of its command.

_postern_target() {
  _alternative 'processes:process:_pids' 'files:namespace:_files'
}

_postern_namespace() {
  compadd -- self host /run/netns/*(N:t)
  _postern_target
}

_postern_instance() {
  compadd -- ${(u)${(M)${(f)"$(</proc/net/unix)"}:#*@postern/$EUID/*}##*/}
}

_postern_network() {
  compadd -- /run/postern/bridge/networks/*(N:t)
}

_postern_bridge() {
  local state line
  typeset -A opt_args
  local -a bridge_commands bridge_options bridge_up_options bridge_down_options bridge_ls_options bridge_inspect_options bridge_attach_options bridge_detach_options bridge_ports_options bridge_check_options bridge_gc_options bridge_reload_options bridge_doctor_options

  bridge_options=(
    '(- *)'{-h,--help}'[print the options]'
  )
  bridge_up_options=(
    '(- *)'{-h,--help}'[print the options]'
    '*--subnet=[its subnet, or the address of the gateway in it]:CIDR'
    '--ipv6[an IPv6 subnet too]'
    '--internal[reaches nothing but itself, and of the host its DNS server]'
    '--isolate=[how other bridge networks reach it]:how:(published full open)'
    '--icc=[whether its members reach each other]:on or off:(on off)'
    '--mtu=[MTU]:bytes'
    '--no-masquerade[what leaves the host keeps its source address]'
    '--external=[leave the host by this interface only]:interface:_net_interfaces'
    '--no-names[no DNS server at the gateway]'
    '--ip-forward=[where the host does not forward packets]:what:(auto require never)'
    '--if-missing[no error where there is one of that name]'
    '--json[for programs]'
  )
  bridge_down_options=(
    '(- *)'{-h,--help}'[print the options]'
    '--force[with all that is connected]'
  )
  bridge_ls_options=(
    '(- *)'{-h,--help}'[print the options]'
    '--json[for programs]'
  )
  bridge_inspect_options=(
    '(- *)'{-h,--help}'[print the options]'
    '--json[for programs]'
  )
  bridge_attach_options=(
    '(- *)'{-h,--help}'[print the options]'
    '*--ip=[its address]:address'
    '--name=[the interface inside]:interface'
    '*'{-p+,--publish=}'[lead host ports to it]:[IP\:]PORT[-END]\:PORT[/tcp|udp]'
    '*--hostname=[name by which others of the network find it, instead of the id]:name'
    '--id=[what it is called here]:id'
    '--mac=[MAC address inside]:MAC address'
    '--json[for programs]'
  )
  bridge_detach_options=(
    '(- *)'{-h,--help}'[print the options]'
    '--name=[the interface inside]:interface'
  )
  bridge_ports_options=(
    '(- *)'{-h,--help}'[print the options]'
    '--json[for programs]'
  )
  bridge_check_options=(
    '(- *)'{-h,--help}'[print the options]'
    '--json[for programs]'
  )
  bridge_gc_options=(
    '(- *)'{-h,--help}'[print the options]'
  )
  bridge_reload_options=(
    '(- *)'{-h,--help}'[print the options]'
  )
  bridge_doctor_options=(
    '(- *)'{-h,--help}'[print the options]'
    '--json[for programs]'
  )
  bridge_commands=(
    'up:make a network'
    'down:take a network away'
    'ls:list the networks'
    'inspect:tell all of a network'
    'attach:connect a network namespace'
    'detach:disconnect it'
    'ports:publish ports of what is connected'
    'check:compare what is with what should be'
    'gc:take away what belongs to nobody'
    'reload:make rules and helpers again'
    'doctor:what of this host stands in the way'
  )

  _arguments -C $bridge_options '1:command:->commands' '*::argument:->command' && return
  if [[ $state == commands ]]; then
    _describe command bridge_commands
    return
  fi
  case $words[1] in
    up) _arguments $bridge_up_options '1:name' ;;
    down) _arguments $bridge_down_options '1: :_postern_network' ;;
    ls) _arguments $bridge_ls_options ;;
    inspect) _arguments $bridge_inspect_options '1: :_postern_network' ;;
    attach) _arguments $bridge_attach_options '1: :_postern_network' '2: :_postern_target' ;;
    detach) _arguments $bridge_detach_options '1: :_postern_network' '2: :_postern_target' ;;
    ports) _arguments $bridge_ports_options '1:action:(add rm ls)' '2: :_postern_network' '3:id' '*:[IP\:]PORT\:PORT[/udp]' ;;
    check) _arguments $bridge_check_options ;;
    gc) _arguments $bridge_gc_options ;;
    reload) _arguments $bridge_reload_options ;;
    doctor) _arguments $bridge_doctor_options ;;
  esac
}

_postern() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  local -a network_options run_options attach_options ports_options status_options top_options doctor_options inspect_options trace_options

  network_options=(
    '(- *)'{-h,--help}'[print the options]'
    '*'{-p+,--publish=}'[lead a host port into the namespace]:[IP\:]PORT[-END]\:PORT[/tcp|udp]'
    '--publish-source=[as whom loopback clients are seen]:who:(namespace loopback gateway)'
    "*--reach=[open one port of the host's loopback]:HOST_PORT[\\:PORT]"
    '--engine=[who carries TCP, UDP and ping]:engine:(fast libslirp)'
    '--udp-nat=[who may answer a UDP port inside]:mode:(address-dependent full-cone)'
    '--udp-same-port[a UDP port inside has the same number outside]'
    '--mtu=[MTU of the TAP]:bytes'
    '--cidr=[IPv4 network inside]:network'
    '(--no-ipv6)--ipv6[IPv6 always]'
    '(--ipv6)--no-ipv6[no IPv6]'
    "--allow-host-loopback[the gateway leads to the host's loopback]"
    "--isolate-host[the host's other addresses are closed too]"
    '--outbound-addr=[source of outgoing IPv4]:address or interface:_net_interfaces'
    '--outbound-addr6=[source of outgoing IPv6]:address or interface:_net_interfaces'
    '--max-flows=[connections at once]:number'
    '--ready-fd=[write to it when the network works]:descriptor:_file_descriptors'
    '--api-socket=[serve the control protocol there]:path:_files'
    "--pcap=[record the namespace's frames]:file:_files"
    '(--no-sandbox)--sandbox=[what if a layer cannot be had]:mode:(required best-effort)'
    '(--sandbox)--no-sandbox[do not lock the relay up]'
    '(-q --quiet)'{-v,--verbose}'[tell more]'
    '(-v --verbose)'{-q,--quiet}'[tell of failures only]'
  )
  run_options=(
    '--network=[what network there is inside]:mode:(slirp none host bridge)'
    '*--dns=[nameserver inside]:address'
    '*--add-host=[line for /etc/hosts and DNS inside]:NAME\:ADDRESS'
    '*--ip=[its address in the bridge network]:address'
    '*--hostname=[name by which others of the bridge network find it]:name'
    '--map-auto[map subordinate ids too]'
    '--keep-id[be the same user inside]'
    '--private[hide /tmp, /run and the runtime folder]'
    '*--env=[set a variable for the command]:NAME=VALUE'
    '--workdir=[start the command in this folder]:folder:_directories'
    '--die-with-parent[end with the caller]'
  )
  attach_options=(
    '(-c --configure)'{-c,--configure}'[set addresses and the default route]'
    '--macaddress=[MAC address of the TAP]:MAC address'
    '*--dns=[nameserver that the DNS addresses lead to]:address'
  )
  ports_options=(
    '(- *)'{-h,--help}'[print the options]'
    '(--api-socket)--pid=[the process to ask]:process:_postern_instance'
    '(--pid)--api-socket=[ask who listens there]:path:_files'
    '--kill[end the connections of removed ports too]'
    '--json[for programs]'
  )
  status_options=(
    '(- *)'{-h,--help}'[print the options]'
    '(--api-socket)--pid=[the process to ask]:process:_postern_instance'
    '(--pid)--api-socket=[ask who listens there]:path:_files'
    '(--prometheus)--json[for programs]'
    '(--json)--prometheus[metrics, in Prometheus text format]'
  )
  top_options=(
    '(- *)'{-h,--help}'[print the options]'
    '(--api-socket)--pid=[the process to ask]:process:_postern_instance'
    '(--pid)--api-socket=[ask who listens there]:path:_files'
    '--interval=[time between two samples]:seconds'
    '--count=[end after so many samples]:number'
    '--sort=[what stands first]:order:(rate bytes rtt)'
    '--json[for programs]'
  )
  doctor_options=(
    '(- *)'{-h,--help}'[print the options]'
    '--json[for programs]'
  )
  trace_options=(
    '(- *)'{-h,--help}'[print the options]'
    '*--netns=[where to look]:all, process, path or name:_postern_target'
    '--count=[end after so many packets]:number'
    '--for=[end after so many seconds]:seconds'
    '--follow=[what is shown beside the packets that match]:what:(connection packet)'
    '(--json)--journey[a block a packet]'
    '(--journey)--json[for programs]'
    '--html=[draw the journeys into a page]:file:_files'
    '--record=[keep the events]:file:_files'
    '--replay=[show what was recorded]:file:_files'
    '--pcap=[keep the packets]:file:_files'
    '--probe[tell which ways of seeing this host has]'
  )
  inspect_options=(
    '(- *)'{-h,--help}'[print the options]'
    '--all[all namespaces that can be seen]'
    '(--html)--json[for programs]'
    '(--json)--html=[write a page of all namespaces there]:file:_files'
  )

  _arguments -C \
    '(- *)--help[print the commands]' \
    '(- *)--version[print the versions]' \
    '1:command:((run\:"run a command in namespaces of its own" attach\:"connect a namespace that exists" ports\:"publish ports of a running one" status\:"what a running one does" top\:"its flows, live" doctor\:"what this host allows" trace\:"where packets go" bridge\:"networks of the kernel bridge" inspect\:"the whole stack of a network namespace"))' \
    '*::argument:->command' && return

  curcontext=${curcontext%:*:*}:postern-$words[1]:
  case $words[1] in
    run) _arguments -S $network_options $run_options '(-):program: _command_names -e' '*::argument: _normal' ;;
    attach) _arguments $network_options $attach_options '1: :_postern_target' '2:TAP' ;;
    ports) _arguments $ports_options '1:action:(add rm ls)' '*:[IP\:]PORT\:PORT[/udp], or a number' ;;
    status) _arguments $status_options ;;
    top) _arguments $top_options ;;
    doctor) _arguments $doctor_options ;;
    trace) _arguments $trace_options '*:word of a filter:(ip ip6 tcp udp icmp icmp6 sctp proto src dst host net port portrange and or not)' ;;
    bridge) _postern_bridge ;;
    inspect) _arguments $inspect_options '1: :_postern_namespace' ;;
  esac
}

_postern "$@"
