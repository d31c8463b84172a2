// network_checks.cpp - what the host's own network lets the relay do, for what leaves a namespace leaves by the host's sockets.
#include <fmt/format.h>

#include <algorithm>

#include "checks.h"
#include "remedy.h"

namespace postern::doctor {

namespace {

Finding check_ping(const Facts& facts) {
  if (facts.ping_socket == 0) return {"ping", Verdict::ok, "echo requests can be sent", "", ""};
  if (facts.raw_ping_socket == 0) return {"ping", Verdict::ok, "echo requests can be sent, by a raw socket", "", ""};
  std::string range = facts.sysctls.ping_group_range.value_or("");
  std::replace(range.begin(), range.end(), '\t', ' ');
  if (!range.empty() && range.back() == '\n') range.pop_back();
  const std::string found = range.empty()
                                ? fmt::format("ping socket: {}", words(facts.ping_socket))
                                : fmt::format("ping_group_range \"{}\" leaves out your group {}", range, facts.caller.gid);
  return {"ping", Verdict::limited, found, "ping from inside to the outside",
          set_sysctl(facts.around.container, "net.ipv4.ping_group_range", "0 2147483647")};
}

Finding check_ports(const Facts& facts) {
  const int64_t first = facts.caller.may_bind_ports ? 0 : facts.sysctls.unprivileged_port_start.value_or(1024);
  if (first <= 1) return {"ports", Verdict::ok, "every port can be published", "", ""};
  return {"ports", Verdict::limited, fmt::format("ports below {} cannot be published", first),
          fmt::format("-p with a host port below {}", first),
          set_sysctl(facts.around.container, "net.ipv4.ip_unprivileged_port_start", "80")};
}

Finding check_ipv4(const Facts& facts) {
  if (facts.ipv4.default_route) return {"ipv4", Verdict::ok, "the host has an IPv4 default route", "", ""};
  return {"ipv4", Verdict::limited, "the host has no IPv4 default route", "IPv4 beyond the host's own networks",
          "sudo ip route add default via GATEWAY"};
}

Finding check_ipv6(const Facts& facts) {
  constexpr const char* breaks = "IPv6 to the outside; run leaves it off inside";
  if (facts.ipv6.socket != 0) {
    return {"ipv6", Verdict::limited, "the kernel has no IPv6", breaks, "boot without ipv6.disable=1"};
  }
  if (facts.sysctls.ipv6_disabled == 1) {
    return {"ipv6", Verdict::limited, "IPv6 is off on the host", breaks,
            set_sysctl(facts.around.container, "net.ipv6.conf.all.disable_ipv6", "0")};
  }
  if (facts.ipv6.default_route) return {"ipv6", Verdict::ok, "the host has an IPv6 default route", "", ""};
  return {"ipv6", Verdict::limited, "the host has no IPv6 default route", breaks,
          "nothing to mend where the network has no IPv6; run --ipv6 has it inside nevertheless"};
}

Finding check_dns(const Facts& facts) {
  const auto limited = [](std::string found) {
    return Finding{"dns", Verdict::limited, std::move(found), "names inside",
                   "run --dns ADDRESS, or a line in /etc/resolv.conf: nameserver ADDRESS"};
  };
  const Resolver& resolver = facts.resolver;
  if (resolver.open != 0) return limited(fmt::format("/etc/resolv.conf: {}", words(resolver.open)));
  if (resolver.servers.empty()) return limited("/etc/resolv.conf names no server");
  const auto reachable = [](const NameServer& server) { return server.connect == 0; };
  const auto server = std::find_if(resolver.servers.begin(), resolver.servers.end(), reachable);
  if (server == resolver.servers.end()) {
    const NameServer& first = resolver.servers.front();
    return limited(fmt::format("no way to the name server {}: {}", first.address, words(first.connect)));
  }
  return {"dns", Verdict::ok, fmt::format("name server {}", server->address), "", ""};
}

}  // namespace

std::vector<Finding> check_network(const Facts& facts) {
  return {check_ping(facts), check_ports(facts), check_ipv4(facts), check_ipv6(facts), check_dns(facts)};
}

}  // namespace postern::doctor
