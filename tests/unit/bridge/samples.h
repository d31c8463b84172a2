// samples.h - a network and an endpoint with something in every field, and a range of ports.
#pragma once

#include "postern/bridge/network.h"

namespace postern::bridge {

inline PortRange range(uint16_t first, uint16_t last, uint16_t container_first, const char* host_address = nullptr) {
  PortRange made{Protocol::tcp, std::nullopt, Port{first}, Port{last}, Port{container_first}};
  if (host_address) made.host_address = parse_ip(host_address);
  return made;
}

inline Network sample_network() {
  Network network;
  network.spec = {.name = "blue",
                  .subnets = {{*parse_ip("10.209.0.1"), 24}, {*parse_ip("fd00::1"), 64}},
                  .ipv6 = true,
                  .egress = Egress::nowhere,
                  .isolation = Isolation::open,
                  .inter_container = InterContainer::blocked,
                  .masquerade = Masquerade::off,
                  .mtu_bytes = 1400,
                  .external = "eth0.100",
                  .names = false,
                  .needs_forwarding = false};
  network.mac = *Mac::parse("02:00:5e:10:00:01");
  return network;
}

inline Endpoint sample_endpoint() {
  Endpoint endpoint;
  endpoint.network = "blue";
  endpoint.id = "web";
  endpoint.target = {"/proc/42/ns/net", 4, 4026532000};
  endpoint.interface = "eth0";
  endpoint.host_interface = "pv1a2b3c";
  endpoint.mac = *Mac::parse("02:00:5e:10:00:02");
  endpoint.addresses = {{*parse_ip("10.209.0.2"), 24}, {*parse_ip("fd00::2"), 64}};
  endpoint.names = {"web", "www.example"};
  endpoint.ports = {range(80, 80, 8080), range(5000, 5009, 5000, "192.0.2.1"), range(443, 443, 443, "::1")};
  endpoint.ports[1].protocol = Protocol::udp;
  endpoint.owner = "cni \"net\"\n";
  return endpoint;
}

}  // namespace postern::bridge
