// write_seeds.cpp - writes the seeds of the corpora: one of each thing that the parsers know, right, for the fuzzer to bend.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>

#include "../unit/wire/dns_builder.h"
#include "../unit/wire/frame_builder.h"
#include "engine_seeds.h"

using namespace postern::wire::test;

namespace {

constexpr Ends kRemote4{"10.0.2.100", "192.0.2.1"}, kRemote6{"fd00::64", "2001:db8::1"};
constexpr Ends kGateway4{"10.0.2.100", "10.0.2.2"}, kGateway6{"fd00::64", "fd00::2"};
constexpr Ends kDns4{"10.0.2.100", "10.0.2.3"}, kDns6{"fd00::64", "fd00::3"};
constexpr Ends kAllRouters{"::", "ff02::2"}, kSolicited{"::", "ff02::1:ff00:64"};

using Seeds = std::map<std::string, Frame>;

const Frame kMss = {2, 4, 5, 0xb4}, kLooseSourceRoute = {131, 7, 4, 192, 0, 2, 9, 0}, kRecordRoute = {7, 7, 4, 0, 0, 0, 0, 0};
const Frame kNoOperation = {1, 1, 1, 0};
const Frame kHopByHop = {58, 0, 5, 2, 0, 0, 1, 0}, kRouting = {6, 0, 4, 0, 0, 0, 0, 0}, kFragment6 = {17, 0, 0, 1, 0, 0, 0, 9};

Seeds frames() {
  return {
      {"arp_request", arp_frame()},
      {"tcp4_syn", tcp_frame(kRemote4, {.options = kMss})},
      {"tcp6_syn", tcp_frame(kRemote6, {.options = kMss})},
      {"tcp4_urgent", tcp_frame(kRemote4, {.flags = 0x38, .urgent_pointer = 3, .payload = {1, 2, 3}})},
      {"tcp4_source_route", tcp_frame(kRemote4, {}, {.options = kLooseSourceRoute})},
      {"tcp6_routing_header", tcp_frame(kRemote6, {}, {.extensions = kRouting, .first_extension = 43})},
      {"tcp4_syn_to_gateway", tcp_frame(kGateway4)},
      {"tcp6_syn_to_gateway", tcp_frame(kGateway6)},
      {"tcp4_syn_to_metadata", tcp_frame({"10.0.2.100", "169.254.169.254"})},
      {"tcp6_syn_to_host", tcp_frame({"fd00::64", "2001:db8::1"})},
      {"tcp4_syn_to_loopback", tcp_frame({"10.0.2.100", "127.0.0.1"})},
      {"tcp6_syn_to_mapped_loopback", tcp_frame({"fd00::64", "::ffff:127.0.0.1"})},
      {"udp4", udp_frame(kRemote4, {}, {.options = kRecordRoute})},
      {"udp4_no_operation", udp_frame(kRemote4, {}, {.options = kNoOperation})},
      {"udp6", udp_frame(kRemote6)},
      {"udp4_dns", udp_frame(kDns4, {.destination = 53})},
      {"udp6_dns", udp_frame(kDns6, {.destination = 53})},
      {"udp4_to_gateway", udp_frame(kGateway4)},
      {"udp6_to_gateway", udp_frame(kGateway6)},
      {"udp4_dhcp", udp_frame({"0.0.0.0", "255.255.255.255"}, {.source = 68, .destination = 67})},
      {"udp6_dhcp", udp_frame({"fe80::64", "ff02::1:2"}, {.source = 546, .destination = 547})},
      {"udp6_fragment", udp_frame(kRemote6, {}, {.extensions = kFragment6, .first_extension = 44})},
      {"icmp4_echo", icmp_frame(kRemote4, {.type = 8})},
      {"icmp6_echo", icmp_frame(kRemote6, {.type = 128})},
      {"icmp4_unreachable", icmp_frame(kRemote4, {.type = 3, .code = 3, .payload = Frame(28)})},
      {"icmp6_router_solicitation", icmp_frame(kAllRouters, {.type = 133})},
      {"icmp6_neighbour_solicitation", icmp_frame(kSolicited, {.type = 135, .payload = Frame(16)})},
      {"icmp6_listener_report", icmp_frame({"::", "ff02::16"}, {.type = 143}, {.extensions = kHopByHop, .first_extension = 0})},
      {"icmp4_echo_reply", icmp_frame(kRemote4, {.type = 0})},
      {"icmp4_redirect", icmp_frame(kRemote4, {.type = 5, .code = 1, .payload = Frame(28)})},
      {"icmp4_timestamp", icmp_frame(kRemote4, {.type = 13, .payload = Frame(12)})},
      {"icmp6_echo_reply", icmp_frame(kRemote6, {.type = 129})},
      {"icmp6_unreachable", icmp_frame(kRemote6, {.type = 1, .payload = Frame(48)})},
      {"icmp6_listener_query", icmp_frame({"fe80::64", "ff02::1"}, {.type = 130, .payload = Frame(16)})},
      {"icmp6_node_information", icmp_frame(kRemote6, {.type = 139, .payload = Frame(8)})},
      {"icmp6_router_advertisement", icmp_frame(kRemote6, {.type = 134})},
      {"ip4_of_no_protocol", ip_frame(kRemote4, Frame(20), {.protocol = 47})},
      {"vlan", ethernet_frame(0x8100, Frame(30))},
  };
}

/// As they stand in a segment's header.
Seeds tcp_options() {
  const Frame timestamps = {4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0}, scale = {1, 3, 3, 7};
  Frame syn = kMss;
  append(syn, timestamps);
  append(syn, scale);
  Frame four_blocks = {1, 1, 5, 34};
  for (uint32_t sequence = 0; sequence < 8; ++sequence) append32(four_blocks, sequence);
  return {
      {"syn_of_linux", syn},
      {"sack_of_one_block", {1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2}},
      {"sack_of_four_blocks", four_blocks},
      {"scale_too_large", {3, 3, 200, 0}},
      {"mss_of_the_wrong_length", {2, 3, 5, 0}},
      {"scale_of_the_wrong_length", {3, 2, 1, 1}},
      {"permission_of_the_wrong_length", {4, 3, 0, 0}},
      {"sack_of_half_a_block", {5, 6, 0, 0, 0, 1}},
      {"length_of_zero", {8, 0, 0, 0}},
      {"length_beyond_the_end", {5, 34, 0, 0}},
  };
}

Seeds dns_messages() {
  Frame pointer = dns_query("www.example.org", {}), status = dns_query("", {.flags = 0x1000});
  pointer[12] = 0xc0;
  put16(status, 4, 0);
  return {
      {"a", dns_query("www.example.org", {})},
      {"aaaa_edns", dns_query("Host.Postern.Internal", {.type = 28, .edns = true})},
      {"any_of_the_root", dns_query("", {.type = 255})},
      {"name_with_a_pointer", pointer},
      {"without_question", status},
      {"refused", dns_query("www.example.org", {.flags = 0x8185})},
  };
}

/// What tests/fuzz/dns_relay.cpp reads: acts, each with a message or without.
Frame act(const Frame& what, const Frame& message) {
  Frame script = what;
  script.push_back(static_cast<uint8_t>(message.size()));
  append(script, message);
  return script;
}

Seeds relay_scripts() {
  const Frame query = dns_query("a.b", {}), ask = act({0, 7}, query), second = {4, 10};
  Frame answer = query, no_help = query;
  put16(answer, 2, 0x8180);
  put16(no_help, 2, 0x8182);
  const auto script = [](std::initializer_list<Frame> acts) {
    Frame whole;
    for (const Frame& each : acts) append(whole, each);
    return whole;
  };
  const auto fails = [](uint8_t error) { return Frame{2, 0, error}; };
  return {
      {"answered", script({ask, act({1, 0}, answer)})},
      {"answered_by_the_second", script({ask, fails(111), act({1, 0}, answer), act({0, 8}, query)})},
      {"answered_late", script({ask, second, second, act({1, 0}, answer)})},
      {"all_refuse", script({ask, fails(111), fails(113), fails(101)})},
      {"no_help", script({ask, act({1, 0}, no_help), act({1, 0}, no_help), act({1, 0}, no_help)})},
      {"no_help_for_4_seconds", script({ask, act({1, 0}, no_help), {4, 40}})},
      {"nobody_can_be_asked", script({{3, 0, 101}, {3, 1, 113}, {3, 2, 13}, ask, {3, 2, 24}, act({0, 8}, query)})},
      {"asked_again", script({ask, ask, second, ask, fails(111), ask})},
      {"strange", script({ask, act({1, 0}, query), act({1, 0}, {1, 2}), act({1, 0}, dns_query("c", {.flags = 0x8180}))})},
      {"error_without_question", script({ask, act({1, 0}, {0x2a, 0x2a, 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0})})},
      {"status",
       script({act({0, 7}, {0, 1, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0}), act({1, 0}, {0, 1, 0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0})})},
      {"added_name", script({act({0, 7}, dns_query("DB.lan", {.edns = true}))})},
      {"no_query", script({act({0, 7}, {1, 2, 3}), act({0, 7}, answer)})},
      {"other_servers", script({ask, {5, 1}, act({0, 8}, query), act({1, 1}, answer), {5, 0}, act({0, 9}, query)})},
      {"silence", script({ask, second, second, {4, 80}})},
  };
}

/// The frames whose name begins so, without their first `skipped` bytes.
Seeds seeds(const std::string& prefix, size_t skipped) {
  Seeds result;
  for (const auto& [name, frame] : frames()) {
    if (name.starts_with(prefix)) result[name] = slice(frame, skipped, frame.size());
  }
  return result;
}

Frame conversation(uint8_t options, uint8_t control, const std::vector<Frame>& said) {
  Frame input = {options};
  for (const Frame& frame : said) {
    input.push_back(control);
    append16(input, frame.size());
    append(input, frame);
  }
  return input;
}

/// Of a datagram of 24 bytes; where they belong in units of 8.
Frame part(uint16_t unit, bool last) {
  return ip_frame(kRemote4, Frame(8, 1), {.id = 5, .fragment = static_cast<uint16_t>(unit | (last ? 0 : 0x2000))});
}

Seeds conversations() {
  const Seeds all = frames();
  Seeds said;
  for (const auto& [name, frame] : all) said[name] = conversation(0, 1, {frame});
  said["loopback_opened"] =
      conversation(1, 1, {all.at("tcp4_syn_to_gateway"), all.at("udp6_to_gateway"), all.at("tcp4_syn_to_loopback")});
  said["ipv6_off"] = conversation(2, 1, {all.at("tcp6_syn")});
  said["published_udp"] = conversation(4, 1, {all.at("udp4_to_gateway"), all.at("udp6_to_gateway")});
  said["host_isolated"] = conversation(8, 1,
                                       {all.at("tcp4_syn"), all.at("tcp4_syn_to_metadata"), all.at("tcp6_syn_to_host"),
                                        all.at("udp6"), all.at("udp4"), all.at("icmp6_echo")});
  said["flow_limit"] = conversation(0, 3, {all.at("tcp4_syn"), all.at("udp4"), all.at("icmp4_echo"), all.at("udp4_dhcp")});
  said["fragments_in_order"] = conversation(0, 1, {part(0, false), part(1, false), part(2, true)});
  said["fragments_backwards"] = conversation(0, 1, {part(2, true), part(1, false), part(0, false)});
  said["fragments_overlap"] = conversation(0, 1, {part(0, false), part(1, false), part(1, true)});
  said["fragments_too_late"] = conversation(0, 1 | 5 << 2, {part(0, false), part(1, false)});
  said["fragments_beyond_64k"] = conversation(0, 1, {part(0x1ffe, false), part(0x1fff, true)});
  return said;
}

bool write(const std::filesystem::path& folder, const Seeds& seeds) {
  std::filesystem::create_directories(folder);
  bool written = true;
  for (const auto& [name, bytes] : seeds) {
    std::ofstream file(folder / name, std::ios::binary);
    for (const uint8_t byte : bytes) file.put(static_cast<char>(byte));
    written = written && file.flush().good();
  }
  return written;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  constexpr size_t kIpAt = 14, kTransportAt = 34;
  const std::filesystem::path corpus = argv[1];
  const bool written = write(corpus / "parse_ethernet", seeds("arp", 0)) && write(corpus / "parse_arp", seeds("arp", kIpAt)) &&
                       write(corpus / "parse_ip", seeds("", kIpAt)) && write(corpus / "parse_icmp", seeds("icmp", kIpAt)) &&
                       write(corpus / "parse_tcp", seeds("tcp4", kTransportAt)) &&
                       write(corpus / "parse_tcp_options", tcp_options()) &&
                       write(corpus / "parse_udp", seeds("udp4", kTransportAt)) && write(corpus / "parse_dns", dns_messages()) &&
                       write(corpus / "dns_relay", relay_scripts()) && write(corpus / "frame_filter", conversations()) &&
                       write(corpus / "tcp_engine", postern::fuzz::engine_scripts());
  return written ? 0 : 1;
}
