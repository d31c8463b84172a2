// example_view.h - a namespace with something of everything.
#pragma once

#include <sys/socket.h>

#include "postern/inspect/namespace_view.h"

namespace postern::inspect {

inline NamespaceView example_view() {
  NamespaceView view;
  view.inode = 4026532301;
  view.name = "blue";
  view.names = {"blue", "web"};
  view.resident = Program{4711, "nginx"};
  view.is_own = true;

  DeviceView lo;
  lo.index = 1, lo.name = "lo", lo.kind = "loopback", lo.state = "unknown", lo.mtu_bytes = 65536;
  lo.up = lo.carrier = true;
  lo.addresses = {{"127.0.0.1/8", "host"}, {"::1/128", "host"}};
  DeviceView eth;
  eth.index = 2, eth.name = "eth0", eth.kind = "veth", eth.alias = "of blue", eth.state = "up", eth.mtu_bytes = 1500;
  eth.up = eth.carrier = true;
  eth.mac = "02:00:5e:00:53:01";
  eth.master = "br0";
  eth.addresses = {{"10.0.0.2/24", "global"}, {"fe80::1/64", "link", true, true}};
  eth.peer = DeviceElsewhere{4026531840, "host", 7, "vblue"};
  DeviceView tap;
  tap.index = 3, tap.name = "tap0", tap.kind = "tap", tap.state = "down", tap.mtu_bytes = 1400;
  tap.up = true;
  tap.holders = {{99, "postern"}};
  view.devices = {lo, eth, tap};

  view.routes = {{AF_INET, "default", "10.0.0.1", "eth0", "main", "unicast", "boot", "", 0},
                 {AF_INET6, "default", "", "lo", "100", "unreachable", "kernel", "10.0.0.2", 1024}};
  view.rules = {{AF_INET6, 100, "from fd00::/8", "lookup 100"}};
  view.neighbours = {{"10.0.0.1", "eth0", "02:00:5e:00:53:02", "reachable"}, {"10.0.0.9", "eth0", "", "failed"}};
  view.listeners = {{"tcp", "::", 80, {{4711, "nginx"}, {4712, "nginx"}}}, {"udp", "127.0.0.1", 53, {}}};
  view.chains = {{"inet", "filter", "input", "input", "filter", "drop", "eth0", -5, {"tcp dport 22 accept", "jump more"}, 3},
                 {"inet", "filter", "more", "", "", "", "", 0, {"drop"}, 0}};
  view.chains_left_off = 2;
  view.sysctls = {{"net.ipv4.ip_forward", "1"}};
  view.connections = 12;
  view.most_connections = 262144;
  view.unread = {"something: it was not to be had"};
  return view;
}

}  // namespace postern::inspect
