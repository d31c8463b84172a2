// kernel_words.h - the kernel's numbers in the words of ip(8). Pure; a number without a word stays one.
#pragma once

#include <cstdint>
#include <string>

#include "postern/netlink/rule.h"

namespace postern::inspect {

std::string scope_word(uint8_t scope);              // RT_SCOPE_*: "global", "link", "host"
std::string link_state_word(uint8_t state);         // IF_OPER_*
std::string neighbour_state_word(uint16_t state);   // NUD_*
std::string route_type_word(uint8_t type);          // RTN_*
std::string route_protocol_word(uint8_t protocol);  // RTPROT_*
std::string table_word(uint32_t table);             // RT_TABLE_*

/// "10.0.0.0/8"; "default" for no bits at all.
std::string network_text(const IpAddress& network, unsigned prefix_bits);

/// One of those that every namespace begins with.
bool is_usual(const netlink::Rule& rule);
/// "from 10.0.0.0/8 fwmark 0x1"; "all" where it is for all packets.
std::string selector_text(const netlink::Rule& rule);
std::string action_text(const netlink::Rule& rule);

}  // namespace postern::inspect
