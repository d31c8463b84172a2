// event.h - a packet was seen at a point of its way: what every observer says, whether it sits in the kernel, on a device or in
// our own stack, so that one journey can be told of all of them.
//
//   application ─ output ─ postrouting ─ after_snat ─ egress ─ transmit ═ wire ═ ingress ─ prerouting ─ after_dnat ─┬─ forward ─
//   ...
//                                                                                                                  └─ input ─
//                                                                                                                  application
//   our own stack:  tap_in ─ engine ─ host_socket, and back  host_socket ─ tap_out
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postern/base/address.h"
#include "postern/journey/packet.h"

namespace postern::journey {

enum class Point : uint8_t {
  tap_in,       // our relay has read it from the TAP
  engine,       // which of our engines carries it
  host_socket,  // it is bytes of a socket of the host's now, or was until now: `mapping`
  tap_out,      // our relay has written it to the TAP
  ingress,      // a device has handed it to the kernel
  prerouting,   // before connection tracking and translation of the destination
  after_dnat,
  input,  // for this namespace
  forward,
  output,       // of a program of this namespace
  postrouting,  // before translation of the source
  after_snat,
  egress,    // given to a device's queue
  transmit,  // given to a device's driver: what leaves by a veth or a TAP arrives elsewhere
  rule,      // a rule of nftables, or a chain's policy, has spoken: `rule`
  drop,      // it ends here: `drop`
};
std::string_view name(Point point);  // "after_snat"
std::optional<Point> point_named(std::string_view name);

/// Who saw it.
enum class Observer : uint8_t { netfilter_probe, tracepoint, rule_trace, packet_socket, relay };
std::string_view name(Observer observer);  // "netfilter_probe"
std::optional<Observer> observer_named(std::string_view name);

struct NetworkNamespace {
  uint64_t inode = 0;  // 0: not known
  std::string name;    // as people call it: "blue", "postern run 4711"; empty: none is known
};

struct Device {
  int index = 0;  // 0: none
  std::string name;
  std::string kind;  // "veth", "bridge", "tun", "loopback"; empty: not known
};

struct Macs {
  Mac source, destination;
};

/// Of connection tracking.
struct Conntrack {
  uint64_t identity = 0;  // the same for packets of one connection
  std::string state;      // "new", "established", "related", "reply"; empty: not known
  bool snat = false, dnat = false;
};

struct Process {
  int pid = 0;  // as the host's namespace counts
  std::string name;
};

struct Drop {
  std::string reason;  // the kernel's or our own: "NETFILTER_DROP", "martian_destination"
  std::string where;   // the kernel's function, our own place; empty: not known
};

struct Rule {
  std::string chain;    // "inet postern forward"
  std::string text;     // the rule, as nft prints it; empty: the chain's policy, or not known
  std::string verdict;  // "drop", "accept", "jump to_blue", "continue"
  uint64_t handle = 0;
  std::string hook;  // where the way passes the base chain: "prerouting", "forward"; empty: not known
};

struct Endpoint {
  IpAddress address;
  Port port;
};
/// Address translation by our own stack: by which socket of the host's, and to whom it leads in truth.
struct Mapping {
  Endpoint local, remote;
};

struct Event {
  uint64_t time_ns = 0;  // CLOCK_MONOTONIC
  /// arrival: when the observer was told, which may be later than the events that followed.
  enum class Clock : uint8_t { exact, arrival } clock = Clock::exact;
  Observer observer = Observer::tracepoint;
  Point point = Point::ingress;
  NetworkNamespace network;
  Device device;
  std::optional<Macs> macs;
  uint16_t ethertype = 0;  // host order; 0: not known
  std::optional<Packet> packet;
  uint64_t identity = 0;  // events of one observer with the same are of the same packet; 0: not known
  std::optional<Conntrack> conntrack;
  std::optional<Process> process;     // who owns the socket it came from, or where that is not known:
  bool process_is_bystander = false;  // who happened to run on the processor
  std::optional<Drop> drop;
  std::optional<Rule> rule;
  std::string engine;              // "fast", "libslirp", "dns"; of Point::engine
  std::optional<Mapping> mapping;  // of Point::host_socket
  std::vector<uint8_t> captured;   // the packet from its IP header on, cut short; may be empty
};

using EventSink = std::function<void(Event&&)>;

}  // namespace postern::journey
