// hostile_frames.cpp - a plain frame first, then what a disguise makes of it.
#include "hostile_frames.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <functional>
#include <random>

namespace postern::lab {

namespace {

constexpr Mac kGatewayMac{{0x52, 0x55, 10, 0, 2, 2}}, kOwnMac{{0x02, 0, 0, 0, 0, 0x77}};
constexpr size_t kEthernetBytes = 14, kIpv4Bytes = 20, kIpv6Bytes = 40;
constexpr size_t kIpv4 = kEthernetBytes, kIpv6 = kEthernetBytes;  // where the IP header starts
constexpr size_t kMoreFragments = 0x2000;                         // RFC 791 3.1
constexpr uint16_t kFirstTcpPort = 20000;

struct Recipe {
  IpAddress source, destination;
  bool tcp;
  Ports ports;
  std::string payload;
  std::string flags = "S";
};

IpAddress own_address(const IpAddress& like) {
  return std::holds_alternative<Ipv4>(like) ? *parse_ip("10.0.2.100") : *parse_ip("fd00::100");
}

Bytes plain(const Recipe& recipe) {
  Packet packet{.source = recipe.source, .destination = recipe.destination};
  packet.protocol = recipe.tcp ? IPPROTO_TCP : IPPROTO_UDP;
  packet.body = recipe.tcp ? tcp_segment(recipe.ports, recipe.flags, "") : udp_datagram(recipe.ports, recipe.payload);
  return ethernet_frame(kGatewayMac, kOwnMac, packet);
}

void put16(Bytes& frame, size_t at, size_t value) {
  frame[at] = static_cast<uint8_t>(value >> 8);
  frame[at + 1] = static_cast<uint8_t>(value);
}

/// After a change of an IPv4 header without options.
void mend_ipv4(Bytes& frame) {
  const size_t header_bytes = (frame[kIpv4] & 15U) * size_t{4};
  put16(frame, kIpv4 + 2, frame.size() - kEthernetBytes);
  put16(frame, kIpv4 + 10, 0);
  put16(frame, kIpv4 + 10,
        internet_checksum({frame.begin() + kIpv4, frame.begin() + static_cast<ptrdiff_t>(kIpv4 + header_bytes)}));
}

void insert(Bytes& frame, size_t at, const Bytes& bytes) {
  frame.insert(frame.begin() + static_cast<ptrdiff_t>(at), bytes.begin(), bytes.end());
}

/// The first fragment holds the ports and nothing more.
std::vector<Bytes> in_fragments(const Recipe& recipe) {
  constexpr size_t kFirstBytes = 8;
  const Bytes whole = plain(recipe);
  const auto body = whole.begin() + kEthernetBytes + kIpv4Bytes;
  Bytes first(whole.begin(), body + kFirstBytes);
  Bytes rest(whole.begin(), body);
  rest.insert(rest.end(), body + kFirstBytes, whole.end());
  put16(first, kIpv4 + 6, kMoreFragments);
  put16(rest, kIpv4 + 6, kFirstBytes / 8);
  mend_ipv4(first);
  mend_ipv4(rest);
  return {first, rest};
}

std::vector<Bytes> with_ipv4_options(const Recipe& recipe, const Bytes& options) {
  Bytes frame = plain(recipe);
  insert(frame, kIpv4 + kIpv4Bytes, options);
  frame[kIpv4] = static_cast<uint8_t>(0x40 | (kIpv4Bytes + options.size()) / 4);
  mend_ipv4(frame);
  return {frame};
}

/// RFC 791 3.1: loose source route, to an address of the host first, whose next stop is the knock's own destination.
std::vector<Bytes> by_source_route(Recipe recipe) {
  Bytes option = {131, 7, 4};
  const in_addr next = std::get<Ipv4>(recipe.destination).to_wire();
  const auto* octets = reinterpret_cast<const uint8_t*>(&next);
  option.insert(option.end(), octets, octets + sizeof next);
  option.push_back(0);
  recipe.destination = Ipv4::of(192, 0, 2, 1);
  return with_ipv4_options(recipe, option);
}

/// RFC 8200 4: one extension header of eight bytes, of a type that has padding or a segments-left of 0 in it.
std::vector<Bytes> behind_extension(const Recipe& recipe, uint8_t type) {
  Bytes frame = plain(recipe);
  const uint8_t transport = frame[kIpv6 + 6];
  insert(frame, kIpv6 + kIpv6Bytes,
         type == IPPROTO_FRAGMENT ? Bytes{transport, 0, 0, 0, 0, 0, 0, 1} : Bytes{transport, 0, 1, 4, 0, 0, 0, 0});
  frame[kIpv6 + 6] = type;
  put16(frame, kIpv6 + 4, frame.size() - kEthernetBytes - kIpv6Bytes);
  return {frame};
}

std::vector<Bytes> in_vlan(const Recipe& recipe) {
  Bytes frame = plain(recipe);
  insert(frame, 12, {0x81, 0x00, 0x00, 0x01});
  return {frame};
}

std::vector<Bytes> under_the_other_ethertype(const Recipe& recipe) {
  Bytes frame = plain(recipe);
  put16(frame, 12, std::holds_alternative<Ipv4>(recipe.destination) ? 0x86dd : 0x0800);
  return {frame};
}

std::vector<Bytes> from(const char* source, Recipe recipe) {
  recipe.source = *parse_ip(source);
  return {plain(recipe)};
}

std::vector<Bytes> with_flags(const char* flags, Recipe recipe) {
  recipe.flags = flags;
  return recipe.tcp ? std::vector<Bytes>{plain(recipe)} : std::vector<Bytes>{};
}

struct Disguise {
  const char* name;
  std::function<std::vector<Bytes>(const Recipe&)> put_on;  // no frame: not for this transport
};

const std::vector<Disguise>& disguises(const IpAddress& destination) {
  static const std::vector<Disguise> both = {
      {"plain", [](const Recipe& r) { return std::vector<Bytes>{plain(r)}; }},
      {"with PSH", [](const Recipe& r) { return with_flags("SP", r); }},
      {"with URG", [](const Recipe& r) { return with_flags("SU", r); }},
      {"in a VLAN", in_vlan},
      {"under the other ethertype", under_the_other_ethertype},
  };
  static const auto all = [](std::vector<Disguise> own) {
    own.insert(own.begin(), both.begin(), both.end());
    return own;
  };
  static const std::vector<Disguise> v4 = all({
      {"from 127.0.0.1", [](const Recipe& r) { return from("127.0.0.1", r); }},
      {"from 0.0.0.0", [](const Recipe& r) { return from("0.0.0.0", r); }},
      {"from the gateway", [](const Recipe& r) { return from("10.0.2.2", r); }},
      {"in fragments", in_fragments},
      {"with a record route",
       [](const Recipe& r) {
         return with_ipv4_options(r, {7, 7, 4, 0, 0, 0, 0, 0});
       }},
      {"by a source route", by_source_route},
  });
  static const std::vector<Disguise> v6 = all({
      {"from ::1", [](const Recipe& r) { return from("::1", r); }},
      {"from ::", [](const Recipe& r) { return from("::", r); }},
      {"from the gateway", [](const Recipe& r) { return from("fd00::2", r); }},
      {"as a fragment", [](const Recipe& r) { return behind_extension(r, IPPROTO_FRAGMENT); }},
      {"behind hop-by-hop options", [](const Recipe& r) { return behind_extension(r, IPPROTO_HOPOPTS); }},
      {"behind destination options", [](const Recipe& r) { return behind_extension(r, IPPROTO_DSTOPTS); }},
      {"behind a routing header", [](const Recipe& r) { return behind_extension(r, IPPROTO_ROUTING); }},
  });
  return std::holds_alternative<Ipv4>(destination) ? v4 : v6;
}

}  // namespace

std::vector<Knock> knocks_at(const std::vector<IpAddress>& destinations, Port to) {
  std::vector<Knock> knocks;
  const auto add = [&](const IpAddress& destination, bool tcp, const Disguise& disguise) {
    Knock knock{fmt::format("{} {} {}", tcp ? "tcp" : "udp", to_string(destination), disguise.name), tcp, destination, {}};
    const Port from = tcp ? Port{static_cast<uint16_t>(kFirstTcpPort + knocks.size())} : kKnockPort;
    knock.frames = disguise.put_on({own_address(destination), destination, tcp, {from, to}, knock.name});
    if (!knock.frames.empty()) knocks.push_back(std::move(knock));
  };
  for (const IpAddress& destination : destinations) {
    for (const Disguise& disguise : disguises(destination)) {
      add(destination, true, disguise);
      add(destination, false, disguise);
    }
  }
  return knocks;
}

Bytes honest_datagram(const IpAddress& to, Port port, std::string_view payload) {
  return plain({own_address(to), to, false, {kKnockPort, port}, std::string(payload)});
}

std::vector<Bytes> lone_fragments(size_t count) {
  constexpr size_t kPayloadBytes = 1472;  // of one frame at MTU 1500
  const Recipe whole{own_address(Ipv4()), Ipv4::of(192, 0, 2, 2), false, {kKnockPort, {7}}, std::string(kPayloadBytes, 'x')};
  Bytes frame = plain(whole);
  put16(frame, kIpv4 + 6, kMoreFragments);
  std::vector<Bytes> fragments;
  for (size_t identification = 0; identification < count; ++identification) {
    put16(frame, kIpv4 + 4, identification);
    mend_ipv4(frame);
    fragments.push_back(frame);
  }
  return fragments;
}

std::vector<Bytes> garbage(uint32_t seed, size_t count) {
  std::mt19937 random(seed);
  const auto below = [&random](size_t limit) { return random() % limit; };
  const auto noise = [&](size_t bytes) {
    Bytes frame(bytes);
    for (uint8_t& byte : frame) byte = static_cast<uint8_t>(random());
    return frame;
  };
  const std::vector<Knock> models = knocks_at({Ipv4::of(192, 0, 2, 2), *parse_ip("2001:db8:1::2"), Ipv4::of(10, 0, 2, 3)}, {7});
  constexpr std::array<std::array<uint8_t, 3>, 3> kStarts = {{{0x08, 0x00, 0x45}, {0x86, 0xdd, 0x60}, {0x08, 0x06, 0x00}}};
  std::vector<Bytes> frames;
  while (frames.size() < count) {
    Bytes frame = noise(kEthernetBytes + below(1500));
    if (const size_t kind = below(8); kind == 1 && frame.size() > kEthernetBytes) {
      std::copy_n(kStarts[below(kStarts.size())].begin(), 3, frame.begin() + 12);
    } else if (kind > 1) {
      frame = models[below(models.size())].frames.front();
      for (size_t changes = below(4); changes > 0; --changes)
        frame[12 + below(frame.size() - 12)] = static_cast<uint8_t>(random());
      frame.resize(kEthernetBytes + below(2 * (frame.size() - kEthernetBytes)));
    }
    frames.push_back(std::move(frame));
  }
  return frames;
}

std::string to_hex_lines(const std::vector<Bytes>& frames) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string lines;
  for (const Bytes& frame : frames) {
    for (const uint8_t byte : frame) lines.append({kDigits[byte >> 4], kDigits[byte & 15U]});
    lines += '\n';
  }
  return lines;
}

}  // namespace postern::lab
