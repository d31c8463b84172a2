// ruleset.h - the chains of nftables that packets meet: those at a hook, and those that these lead to.
#pragma once

#include <string_view>
#include <vector>

#include "postern/inspect/namespace_view.h"

namespace postern::inspect {

/// What `nft -y list ruleset` prints, libnftables 1.0: every chain, with all of its rules. Pure.
std::vector<ChainView> parse_ruleset(std::string_view text);

/// Leaves those out that no rule at a hook leads to by jump or goto, and what is beyond the first: `chains_left_off`,
/// `rules_left_off`. Where a map of a set's kind says where to go, its chains are not followed. Pure.
void add_what_matters(std::vector<ChainView> chains, NamespaceView& view);

/// Of the calling process's namespace. What cannot be read is said in `view.unread`.
void read_ruleset(NamespaceView& view);

}  // namespace postern::inspect
