// rawframe_main.cpp - postern-rawframe: one hand-made frame out of an interface, past the kernel's own routing and checks, and a
// line for each frame that comes back. Runs as root of a network namespace (packet(7)): what a hostile guest can do, a test can.
//
//   postern-rawframe tap0 --syn 127.0.0.1 8080        status 0 when something answered, 1 when nothing did, 2 for our own failure
//   postern-rawframe tap0 --udp 10.0.2.3 53 --payload hi --source 10.0.2.99
//   postern-rawframe tap0 --hex 52550a000202...       sent as it is
//   postern-rawframe tap0 --stdin                     every line of standard input as if it stood behind --hex
//
//   in:  tcp 10.0.2.2:80 > 10.0.2.15:40000 SYN,ACK    udp 10.0.2.3:53 > 10.0.2.15:40000 12 bytes
//        icmp 10.0.2.2 > 10.0.2.15 type 3 code 1      arp 10.0.2.2 is-at 52:55:0a:00:02:02
#include <CLI/CLI.hpp>
#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <charconv>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "postern/base/address.h"
#include "postern/base/clock.h"
#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

#include "program.h"
#include "raw_packet.h"

namespace postern::lab {
namespace {

struct Options {
  std::string interface;
  std::vector<std::string> syn, udp;  // address, port
  std::string echo, hex, payload, source, to_mac, from_mac;
  std::string flags = "S";
  uint16_t source_port = 40000;
  unsigned hop_limit = 64;
  unsigned wait_ms = 500;
  bool standard_input = false;
  bool all = false;
};

Result<Mac> parse_mac(const std::string& text) {
  Mac mac;
  auto& o = mac.octets;
  char rest = 0;
  const int found = std::sscanf(text.c_str(), "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%c", &o[0], &o[1], &o[2], &o[3], &o[4], &o[5], &rest);
  if (found != 6) return fail(text + " is no MAC address");
  return mac;
}

/// An AF_PACKET socket on one interface.
class Wire {
 public:
  static Result<Wire> open(const std::string& interface) {
    UniqueFd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
    if (!socket) return fail_errno("open a packet socket", "(root of the network namespace may)");
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
    if (address.sll_ifindex == 0) return fail_errno("find", interface);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
      return fail_errno("bind", interface);
    ifreq request{};
    interface.copy(request.ifr_name, IFNAMSIZ - 1);
    if (::ioctl(socket.get(), SIOCGIFHWADDR, &request) < 0) return fail_errno("SIOCGIFHWADDR", interface);
    Mac own;
    std::memcpy(own.octets.data(), request.ifr_hwaddr.sa_data, own.octets.size());
    return Wire(std::move(socket), own);
  }

  Mac own() const { return own_; }

  Status send(const Bytes& frame) {
    if (::send(socket_.get(), frame.data(), frame.size(), 0) < 0) return fail_errno("send the frame");
    return {};
  }

  /// The next frame that came in from outside; nullopt at `deadline`.
  std::optional<Bytes> receive(TimePoint deadline) {
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
      pollfd wait{socket_.get(), POLLIN, 0};
      if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) <= 0) return std::nullopt;
      Bytes frame(65550);
      sockaddr_ll from{};
      socklen_t length = sizeof from;
      const ssize_t got = ::recvfrom(socket_.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
      if (got < 0 || from.sll_pkttype == PACKET_OUTGOING) continue;
      frame.resize(static_cast<size_t>(got));
      return frame;
    }
  }

 private:
  Wire(UniqueFd socket, Mac own) : socket_(std::move(socket)), own_(own) {}

  UniqueFd socket_;
  Mac own_;
};

/// The interface's own address of `like`'s family; link-local ones only where there is no other.
std::optional<IpAddress> own_address(const std::string& interface, const IpAddress& like) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) < 0) return std::nullopt;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
  std::optional<IpAddress> local;
  for (const ifaddrs* item = list; item; item = item->ifa_next) {
    if (!item->ifa_addr || interface != item->ifa_name) continue;
    if (item->ifa_addr->sa_family == AF_INET && std::holds_alternative<Ipv4>(like)) {
      return Ipv4::from_wire(reinterpret_cast<const sockaddr_in*>(item->ifa_addr)->sin_addr);
    }
    if (item->ifa_addr->sa_family == AF_INET6 && std::holds_alternative<Ipv6>(like)) {
      const in6_addr& address = reinterpret_cast<const sockaddr_in6*>(item->ifa_addr)->sin6_addr;
      if (!IN6_IS_ADDR_LINKLOCAL(&address)) return Ipv6::from_wire(address);
      local = Ipv6::from_wire(address);
    }
  }
  return local;
}

/// The default route's next hop, from /proc/net/route: addresses as the wire's bytes printed like a host's number.
std::optional<Ipv4> default_gateway(const std::string& interface) {
  std::ifstream routes("/proc/net/route");
  std::string name, destination, gateway;
  for (std::string line; std::getline(routes, line);) {
    std::istringstream(line) >> name >> destination >> gateway;
    if (name == interface && destination == "00000000") {
      return Ipv4::from_wire({static_cast<in_addr_t>(std::stoul(gateway, nullptr, 16))});
    }
  }
  return std::nullopt;
}

/// Whom to send to: who answers for the default gateway, or everybody.
Mac next_hop(Wire& wire, const std::string& interface) {
  const Mac everybody{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
  const auto gateway = default_gateway(interface);
  const auto own = own_address(interface, Ipv4());
  if (!gateway || !own || !wire.send(arp_request(wire.own(), std::get<Ipv4>(*own), *gateway))) return everybody;
  const TimePoint deadline = Clock::now() + std::chrono::seconds(1);
  while (const auto frame = wire.receive(deadline)) {
    if (const auto mac = arp_answer(*frame, *gateway)) return *mac;
  }
  return everybody;
}

Result<IpAddress> address_of(const std::string& text) {
  const auto address = parse_ip(text);
  if (!address) return fail(text + " is no IP address");
  return *address;
}

Result<Port> port_of(const std::string& text) {
  Port port;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port.number);
  if (error != std::errc{} || end != text.data() + text.size()) return fail(text + " is no port");
  return port;
}

Result<Packet> packet_for(const Options& options) {
  const std::vector<std::string>& target = !options.syn.empty() ? options.syn : options.udp;
  POSTERN_TRY(destination, address_of(target.empty() ? options.echo : target[0]), "destination");
  POSTERN_TRY(port, target.empty() ? Result<Port>() : port_of(target[1]), "destination");
  const auto source = options.source.empty() ? own_address(options.interface, destination) : parse_ip(options.source);
  if (!source || source->index() != destination.index()) return fail("no source address of that family (--source)");
  Packet packet{.source = *source, .destination = destination, .hop_limit = static_cast<uint8_t>(options.hop_limit)};
  const Ports ports{{options.source_port}, port};
  if (!options.syn.empty()) {
    packet.body = tcp_segment(ports, options.flags, options.payload);
    packet.protocol = IPPROTO_TCP;
  } else if (!options.udp.empty()) {
    packet.body = udp_datagram(ports, options.payload);
    packet.protocol = IPPROTO_UDP;
  } else {
    const bool v4 = std::holds_alternative<Ipv4>(destination);
    packet.body = echo_request(v4, options.payload);
    packet.protocol = v4 ? uint8_t{IPPROTO_ICMP} : uint8_t{IPPROTO_ICMPV6};
  }
  return packet;
}

Result<Bytes> frame_for(Wire& wire, const Options& options) {
  if (!options.hex.empty()) return from_hex(options.hex);
  POSTERN_TRY(packet, packet_for(options), "packet");
  const auto from = options.from_mac.empty() ? wire.own() : parse_mac(options.from_mac);
  if (!from) return within("--from-mac", from.error());
  const auto to = options.to_mac.empty() ? next_hop(wire, options.interface) : parse_mac(options.to_mac);
  if (!to) return within("--to-mac", to.error());
  return ethernet_frame(*to, *from, packet);
}

/// In one go; what the interface's queue does not take is lost, as of any program that sends faster than is read.
Status send_lines(Wire& wire) {
  for (std::string line; std::getline(std::cin, line);) {
    POSTERN_TRY(frame, from_hex(line), "standard input");
    Status sent = wire.send(frame);
    if (!sent && !sent.error().is(std::errc::no_buffer_space)) return sent;
  }
  return {};
}

/// The number of frames that came back; with `--all` to the end of the wait, else the first that is meant for us.
Result<int> exchange(const Options& options) {
  POSTERN_TRY(wire, Wire::open(options.interface), "wire");
  POSTERN_TRY(frame, options.standard_input ? Result<Bytes>() : frame_for(wire, options), "frame");
  POSTERN_CHECK(options.standard_input ? send_lines(wire) : wire.send(frame), "wire");
  int answers = 0;
  const TimePoint deadline = Clock::now() + std::chrono::milliseconds(options.wait_ms);
  while (answers == 0 || options.all) {
    const auto received = wire.receive(deadline);
    if (!received) break;
    if (!options.all && !is_answer(*received, frame)) continue;
    fmt::print("{}\n", describe(*received));
    ++answers;
  }
  return answers;
}

int rawframe(int argc, char** argv) {
  CLI::App app("Sends one hand-made frame and prints what comes back.", "postern-rawframe");
  Options options;
  app.add_option("interface", options.interface)->required();
  auto* what = app.add_option_group("frame", "what to send");
  what->add_option("--syn", options.syn, "TCP to ADDRESS PORT")->expected(2);
  what->add_option("--udp", options.udp, "UDP to ADDRESS PORT")->expected(2);
  what->add_option("--echo", options.echo, "an echo request to ADDRESS");
  what->add_option("--hex", options.hex, "a whole frame, Ethernet header first");
  what->add_flag("--stdin", options.standard_input, "such frames, one a line of standard input");
  what->require_option(1);
  app.add_option("--flags", options.flags, "of --syn: letters of SAFRPU")->capture_default_str();
  app.add_option("--payload", options.payload, "bytes to carry");
  app.add_option("--source", options.source, "source address (default: the interface's)");
  app.add_option("--source-port", options.source_port)->capture_default_str();
  app.add_option("--hop-limit", options.hop_limit)->capture_default_str()->check(CLI::Range(0, 255));
  app.add_option("--from-mac", options.from_mac, "default: the interface's");
  app.add_option("--to-mac", options.to_mac, "default: whoever answers ARP for the default gateway, else everybody");
  app.add_option("--wait-ms", options.wait_ms, "how long to wait for an answer")->capture_default_str();
  app.add_flag("--all", options.all, "print every frame that comes in, to the end of the wait");
  CLI11_PARSE(app, argc, argv);
  const auto answers = exchange(options);
  if (!answers) {
    fmt::print(stderr, "postern-rawframe: {}\n", answers.error().message());
    return 2;
  }
  return *answers > 0 ? 0 : 1;
}

}  // namespace
}  // namespace postern::lab

int main(int argc, char** argv) { return postern::lab::run_program("postern-rawframe", postern::lab::rawframe, argc, argv); }
