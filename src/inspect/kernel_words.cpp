#include "kernel_words.h"

#include <fmt/format.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <span>

namespace postern::inspect {

namespace {

struct Word {
  uint32_t number;
  const char* word;
};

std::string word_of(std::span<const Word> words, uint32_t number) {
  const auto found = std::ranges::find(words, number, &Word::number);
  return found == words.end() ? std::to_string(number) : found->word;
}

bool is_for_all(const netlink::Rule& rule) {
  return !rule.inverted && !rule.source && !rule.destination && rule.in_link.empty() && rule.out_link.empty() && rule.mark == 0 &&
         rule.mark_mask == 0 && rule.tos == 0 && rule.ip_protocol == 0 && !rule.source_ports && !rule.destination_ports &&
         !rule.uids && !rule.vrf;
}

std::string range_text(const netlink::Rule::Range& range) {
  return range.first == range.last ? fmt::format("{}", range.first) : fmt::format("{}-{}", range.first, range.last);
}

}  // namespace

std::string scope_word(uint8_t scope) {
  constexpr Word kWords[] = {
      {RT_SCOPE_UNIVERSE, "global"}, {RT_SCOPE_SITE, "site"}, {RT_SCOPE_LINK, "link"}, {RT_SCOPE_HOST, "host"}};
  return word_of(kWords, scope);
}

std::string link_state_word(uint8_t state) {
  constexpr Word kWords[] = {{IF_OPER_UNKNOWN, "unknown"},
                             {IF_OPER_NOTPRESENT, "notpresent"},
                             {IF_OPER_DOWN, "down"},
                             {IF_OPER_LOWERLAYERDOWN, "lowerlayerdown"},
                             {IF_OPER_TESTING, "testing"},
                             {IF_OPER_DORMANT, "dormant"},
                             {IF_OPER_UP, "up"}};
  return word_of(kWords, state);
}

std::string neighbour_state_word(uint16_t state) {
  constexpr Word kWords[] = {{NUD_NONE, "none"},     {NUD_INCOMPLETE, "incomplete"}, {NUD_REACHABLE, "reachable"},
                             {NUD_STALE, "stale"},   {NUD_DELAY, "delay"},           {NUD_PROBE, "probe"},
                             {NUD_FAILED, "failed"}, {NUD_NOARP, "noarp"},           {NUD_PERMANENT, "permanent"}};
  return word_of(kWords, state);
}

std::string route_type_word(uint8_t type) {
  constexpr Word kWords[] = {{RTN_UNICAST, "unicast"},         {RTN_LOCAL, "local"},       {RTN_BROADCAST, "broadcast"},
                             {RTN_MULTICAST, "multicast"},     {RTN_ANYCAST, "anycast"},   {RTN_BLACKHOLE, "blackhole"},
                             {RTN_UNREACHABLE, "unreachable"}, {RTN_PROHIBIT, "prohibit"}, {RTN_THROW, "throw"}};
  return word_of(kWords, type);
}

std::string route_protocol_word(uint8_t protocol) {
  constexpr Word kWords[] = {{RTPROT_UNSPEC, "unspec"}, {RTPROT_REDIRECT, "redirect"}, {RTPROT_KERNEL, "kernel"},
                             {RTPROT_BOOT, "boot"},     {RTPROT_STATIC, "static"},     {RTPROT_RA, "ra"},
                             {RTPROT_DHCP, "dhcp"},     {RTPROT_ZEBRA, "zebra"},       {RTPROT_BIRD, "bird"}};
  return word_of(kWords, protocol);
}

std::string table_word(uint32_t table) {
  constexpr Word kWords[] = {{RT_TABLE_DEFAULT, "default"}, {RT_TABLE_MAIN, "main"}, {RT_TABLE_LOCAL, "local"}};
  return word_of(kWords, table);
}

std::string network_text(const IpAddress& network, unsigned prefix_bits) {
  return prefix_bits == 0 ? "default" : fmt::format("{}/{}", to_string(network), prefix_bits);
}

bool is_usual(const netlink::Rule& rule) {
  if (rule.action != FR_ACT_TO_TBL || !is_for_all(rule) || rule.suppressed_prefix_bits) return false;
  constexpr uint32_t kMainPriority = 32766, kDefaultPriority = 32767;  // net/ipv4/fib_rules.c
  return (rule.priority == 0 && rule.table == RT_TABLE_LOCAL) ||
         (rule.priority == kMainPriority && rule.table == RT_TABLE_MAIN) ||
         (rule.priority == kDefaultPriority && rule.table == RT_TABLE_DEFAULT && rule.family == AF_INET);
}

std::string selector_text(const netlink::Rule& rule) {
  if (is_for_all(rule)) return "all";
  std::string text = rule.inverted ? "not" : "";
  const auto add = [&](std::string_view word, const std::string& value) {
    text += fmt::format("{}{} {}", text.empty() ? "" : " ", word, value);
  };
  if (rule.source) add("from", network_text(rule.source->address, rule.source->prefix_bits));
  if (rule.destination) add("to", network_text(rule.destination->address, rule.destination->prefix_bits));
  if (!rule.in_link.empty()) add("iif", rule.in_link);
  if (!rule.out_link.empty()) add("oif", rule.out_link);
  const bool whole_mark = rule.mark_mask == UINT32_MAX || rule.mark_mask == 0;
  if (rule.mark != 0 || rule.mark_mask != 0)
    add("fwmark", whole_mark ? fmt::format("{:#x}", rule.mark) : fmt::format("{:#x}/{:#x}", rule.mark, rule.mark_mask));
  if (rule.tos != 0) add("tos", fmt::format("{:#x}", rule.tos));
  if (rule.uids) add("uidrange", fmt::format("{}-{}", rule.uids->first, rule.uids->last));
  if (rule.ip_protocol != 0)
    add("ipproto", rule.ip_protocol == IPPROTO_TCP   ? "tcp"
                   : rule.ip_protocol == IPPROTO_UDP ? "udp"
                                                     : std::to_string(rule.ip_protocol));
  if (rule.source_ports) add("sport", range_text(*rule.source_ports));
  if (rule.destination_ports) add("dport", range_text(*rule.destination_ports));
  if (rule.vrf) text += text.empty() ? "vrf" : " vrf";
  return text;
}

std::string action_text(const netlink::Rule& rule) {
  switch (rule.action) {
    case FR_ACT_TO_TBL: {
      std::string text = rule.vrf && rule.table == 0 ? "lookup its table" : "lookup " + table_word(rule.table);
      if (rule.suppressed_prefix_bits) text += fmt::format(" suppress_prefixlength {}", *rule.suppressed_prefix_bits);
      return text;
    }
    case FR_ACT_GOTO: return fmt::format("goto {}", rule.goto_target);
    case FR_ACT_NOP: return "nop";
    case FR_ACT_BLACKHOLE: return "blackhole";
    case FR_ACT_UNREACHABLE: return "unreachable";
    case FR_ACT_PROHIBIT: return "prohibit";
    default: return fmt::format("action {}", rule.action);
  }
}

}  // namespace postern::inspect
