// answers.h - when a journey began, which is the order that answers are looked for in.
#pragma once

#include "postern/journey/journey.h"

namespace postern::journey {

/// Of the first hop with a clock that can be believed, else of the first.
uint64_t began_ns(const Journey& journey);

}  // namespace postern::journey
