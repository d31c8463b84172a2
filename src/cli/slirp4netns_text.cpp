#include "slirp4netns_text.h"

#include <fmt/format.h>
#include <seccomp.h>

namespace postern::cli {

namespace {

constexpr std::string_view kHelp = R"(
The slirp4netns face of Postern: gives a network namespace a network through a TAP, without root.

  -c, --configure            raise lo and the TAP, set MTU, address and default route
  -e, --exit-fd=FD           end with status 0 when the other end of FD is closed
  -r, --ready-fd=FD          write "1" to FD and close it once the network works
  -m, --mtu=BYTES            68 to 65521 (default 1500)
  -6, --enable-ipv6          fd00::/64 beside IPv4
  -a, --api-socket=PATH      take requests for forwarded ports there
      --cidr=NETWORK         IPv4 network inside (default 10.0.2.0/24)
      --disable-host-loopback
                             the gateway does not lead to the host's 127.0.0.1 and ::1
      --netns-type=TYPE      what the first operand is: pid (default), path, tapfd
      --userns-path=PATH     user namespace to enter before the network namespace
      --enable-sandbox       keep only /etc and /run in sight, drop capabilities
      --enable-seccomp       allow no system call but those that are needed
      --outbound-addr=IPV4   source of outgoing IPv4: an address, or an interface's name
      --outbound-addr6=IPV6  the same for IPv6
      --disable-dns          the DNS address leads nowhere in particular
      --macaddress=MAC       MAC address of the TAP (with -c)
      --target-type=TYPE     netns (default), or bess: serve one client on a socket
  -h, --help                 print this
  -v, --version              print what this is
)";

std::string line(std::string_view name, std::string_view value) { return fmt::format("{:<19}{}\n", name, value); }

}  // namespace

std::string slirp4netns_help(const std::string& program) {
  return fmt::format("Usage: {} [OPTION]... PID|PATH|FD [TAPNAME]{}", program, kHelp);
}

std::string slirp4netns_version() {
  return fmt::format(
      "slirp4netns version 1.3.2+postern.{0}\n"
      "commit: postern-{0}\n"
      "libslirp: {1}\n"
      "SLIRP_CONFIG_VERSION_MAX: 4\n"
      "libseccomp: {2}.{3}.{4}\n",
      POSTERN_VERSION, stack::slirp_version(), SCMP_VER_MAJOR, SCMP_VER_MINOR, SCMP_VER_MICRO);
}

std::string slirp4netns_banner(const Slirp4netnsOptions& options, const VirtualNetwork& network) {
  const stack::AddressPlan& plan = network.stack.addresses;
  std::string text = "Starting slirp\n";
  text += line("* MTU:", std::to_string(network.stack.mtu_bytes));
  text += line("* Network:", plan.network.network().to_string());
  text += line("* Netmask:", plan.network.mask().to_string());
  text += line("* Gateway:", plan.gateway().to_string());
  text += line("* DNS:", plan.dns().to_string());
  text += line("* DHCP begin:", plan.dhcp_start().to_string());
  text += line("* DHCP end:", plan.network.at(30).to_string());
  text += line("* Recommended IP:", plan.guest().to_string());
  if (!options.api_socket.empty()) text += line("* API Socket:", options.api_socket);
  if (network.stack.outbound4) text += fmt::format("* Outbound IPv4:    {}\n", network.stack.outbound4->to_string());
  if (network.stack.outbound6) text += fmt::format("* Outbound IPv6:    {}\n", network.stack.outbound6->to_string());
  if (options.network.mac) text += line("* MAC address:", options.network.mac->to_string());
  if (network.stack.host_loopback == stack::HostLoopback::gateway) {
    text += fmt::format(
        "WARNING: 127.0.0.1:* on the host is accessible as {} (set --disable-host-loopback to prohibit connecting to "
        "127.0.0.1:*)\n",
        plan.gateway().to_string());
  }
  return text;
}

}  // namespace postern::cli
