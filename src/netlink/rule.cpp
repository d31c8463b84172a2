// rule.cpp - RTM_GETRULE.
#include "postern/netlink/rule.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstring>

#include "dump.h"

namespace postern::netlink {
namespace {

std::optional<Rule::Network> network_of(const Attributes& attributes, uint16_t attribute, unsigned prefix_bits) {
  const auto address = attributes.address(attribute);
  return address ? std::optional(Rule::Network{*address, prefix_bits}) : std::nullopt;
}

/// FRA_UID_RANGE and the port ranges: two numbers in host order, the first and the last.
template <class Number>
std::optional<Rule::Range> range_of(const Attributes& attributes, uint16_t attribute) {
  const auto bytes = attributes.bytes(attribute);
  std::array<Number, 2> ends;
  if (!bytes || bytes->size() != sizeof ends) return std::nullopt;
  std::memcpy(ends.data(), bytes->data(), sizeof ends);
  return Rule::Range{ends[0], ends[1]};
}

uint8_t octet_of(const Attributes& attributes, uint16_t attribute) {
  const auto octets = attributes.bytes(attribute);
  return octets && octets->size() == 1 ? std::to_integer<uint8_t>(octets->front()) : uint8_t{0};
}

}  // namespace

void append(const nlmsghdr& message, std::vector<Rule>& table) {
  const auto* header = header_of<fib_rule_hdr>(message);
  if (!header || message.nlmsg_type != RTM_NEWRULE) return;
  if (header->family != AF_INET && header->family != AF_INET6) return;  // multicast routing has rules too
  const auto attributes = Attributes::after(message, sizeof *header);
  Rule rule;
  rule.family = header->family;
  rule.priority = attributes.number(FRA_PRIORITY).value_or(0);
  rule.action = header->action;
  rule.table = attributes.number(FRA_TABLE).value_or(header->table);
  rule.goto_target = attributes.number(FRA_GOTO).value_or(0);
  rule.inverted = header->flags & FIB_RULE_INVERT;
  rule.vrf = octet_of(attributes, FRA_L3MDEV) != 0;
  rule.source = network_of(attributes, FRA_SRC, header->src_len);
  rule.destination = network_of(attributes, FRA_DST, header->dst_len);
  rule.in_link = attributes.text(FRA_IIFNAME).value_or("");
  rule.out_link = attributes.text(FRA_OIFNAME).value_or("");
  rule.mark = attributes.number(FRA_FWMARK).value_or(0);
  rule.mark_mask = attributes.number(FRA_FWMASK).value_or(0);
  rule.tos = header->tos;
  rule.ip_protocol = octet_of(attributes, FRA_IP_PROTO);
  rule.source_ports = range_of<uint16_t>(attributes, FRA_SPORT_RANGE);
  rule.destination_ports = range_of<uint16_t>(attributes, FRA_DPORT_RANGE);
  rule.uids = range_of<uint32_t>(attributes, FRA_UID_RANGE);
  const uint32_t suppressed = attributes.number(FRA_SUPPRESS_PREFIXLEN).value_or(UINT32_MAX);
  if (suppressed != UINT32_MAX) rule.suppressed_prefix_bits = suppressed;
  table.push_back(std::move(rule));
}

Result<std::vector<Rule>> rules(Socket& socket) { return dump<Rule>(socket, RTM_GETRULE, "list rules"); }

}  // namespace postern::netlink
