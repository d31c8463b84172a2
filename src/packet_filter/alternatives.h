// alternatives.h - a filter as alternatives, each a list of conditions that all have to hold: the form in which nftables can be
// asked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "expression.h"

namespace postern::packet_filter {

/// What has to hold all at once.
struct Alternative {
  bool ipv4 = true, ipv6 = true;                  // which families may be
  std::optional<std::vector<uint8_t>> protocols;  // one of these; nothing: any
  std::vector<uint8_t> other_protocols;           // none of these; empty if `protocols` says which
  struct Condition {
    pf_step test{};  // PF_NET or PF_PORT, of one side
    bool holds = true;
  };
  std::vector<Condition> conditions;

  bool possible() const { return (ipv4 || ipv6) && (!protocols || !protocols->empty()); }
};

/// More are not worth their while: a rule each.
inline constexpr size_t kMostAlternatives = 16;

/// Nothing: they would be more than kMostAlternatives. Empty: no packet can match. A fragment that is not the first counts as if
/// it had ports, for what is asked has put the fragments together.
std::optional<std::vector<Alternative>> alternatives_of(const Expression& expression);

/// Of nft(8), in a table of the inet family.
std::string nft_condition(const Alternative& alternative);

}  // namespace postern::packet_filter
