// clock.h - the one clock of the packet path: monotonic, read once a turn by the loop and passed down as an argument.
#pragma once

#include <chrono>

namespace postern {

using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC, clock_gettime(2)
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

}  // namespace postern
