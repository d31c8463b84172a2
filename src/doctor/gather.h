// gather.h - examines the host. Reads files, tries in children; changes nothing.
#pragma once

#include "facts.h"

namespace postern::doctor {

/// With what POSTERN_PRETEND_MISSING names spoilt, see pretence.h. Never fails: what cannot be examined is a fact too.
Facts gather();

}  // namespace postern::doctor
