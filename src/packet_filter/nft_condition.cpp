// nft_condition.cpp - one alternative of a filter in nft's words. In the inet family "ip saddr" and "tcp dport" bring their own
// tests of family and protocol along; "th" does not.
#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "postern/packet_filter/protocols.h"

#include "alternatives.h"

namespace postern::packet_filter {

namespace {

std::string protocol_text(uint8_t protocol) {
  const NamedProtocol* named = named_protocol(protocol);
  return named && !named->nft_name.empty() ? std::string(named->nft_name) : fmt::format("{}", protocol);
}

std::string set_text(const std::vector<uint8_t>& protocols) {
  if (protocols.size() == 1) return protocol_text(protocols.front());
  std::string list;
  for (const uint8_t each : protocols) list += (list.empty() ? "" : ", ") + protocol_text(each);
  return "{ " + list + " }";
}

unsigned bits_of(const pf_step& test) {
  unsigned bits = 0;
  for (const uint32_t word : test.mask) bits += static_cast<unsigned>(std::popcount(word));
  return bits;
}

std::string address_text(const pf_step& test) {
  in6_addr wire{};
  std::memcpy(&wire, test.network, sizeof wire);
  if (test.value == 6) return Ipv6::from_wire(wire).to_string();
  return Ipv4::from_wire(in_addr{test.network[0]}).to_string();
}

std::string net_text(const Alternative::Condition& condition) {
  const pf_step& test = condition.test;
  const unsigned bits = bits_of(test);
  const std::string length = bits == (test.value == 4 ? 32 : 128) ? "" : fmt::format("/{}", bits);
  return fmt::format("{} {} {}{}{}", test.value == 4 ? "ip" : "ip6", test.side == PF_SOURCE ? "saddr" : "daddr",
                     condition.holds ? "" : "!= ", address_text(test), length);
}

std::string port_text(const Alternative::Condition& condition, const std::string& header) {
  const pf_step& test = condition.test;
  const std::string last = test.low == test.high ? "" : fmt::format("-{}", test.high);
  return fmt::format("{} {} {}{}{}", header, test.side == PF_SOURCE ? "sport" : "dport", condition.holds ? "" : "!= ", test.low,
                     last);
}

}  // namespace

std::string nft_condition(const Alternative& alternative) {
  std::string text;
  const auto add = [&](const std::string& words) { text += (text.empty() ? "" : " ") + words; };
  bool nets = false, ports = false;
  for (const auto& [test, holds] : alternative.conditions) (test.kind == PF_NET ? nets : ports) = true;
  if (!nets && alternative.ipv4 != alternative.ipv6) add(alternative.ipv4 ? "meta nfproto ipv4" : "meta nfproto ipv6");
  const bool one_protocol = alternative.protocols && alternative.protocols->size() == 1;
  if (alternative.protocols && !(one_protocol && ports)) add("meta l4proto " + set_text(*alternative.protocols));
  if (!alternative.other_protocols.empty()) add("meta l4proto != " + set_text(alternative.other_protocols));
  const std::string header = one_protocol ? protocol_text(alternative.protocols->front()) : "th";
  for (const auto& condition : alternative.conditions) {
    add(condition.test.kind == PF_NET ? net_text(condition) : port_text(condition, header));
  }
  return text;
}

}  // namespace postern::packet_filter
