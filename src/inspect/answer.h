// answer.h - what the child inside tells, and how we read it. The rules of nftables come last and by themselves: a ruleset that
// takes more than a child may have costs no more than itself. Pure.
#pragma once

#include <string>

#include "postern/base/result.h"

#include "errand.h"
#include "inside.h"

namespace postern::inspect {

/// All but the rules; or why there is nothing.
std::string tell(Result<Inside> seen);
/// The chains of `rules`, and what is said there to be unread.
std::string tell_rules(NamespaceView& rules);

/// Both, as far as they came. Errors: what tell() was given; nothing came.
Result<Inside> understand(const Errand& errand, const Limits& limits, Depth depth);

}  // namespace postern::inspect
