// source.h - one rung of the ladder: something that makes events, as long as it lives.
#pragma once

#include <cstdint>

#include "postern/journey/event.h"

namespace postern::trace {

class Source {
 public:
  virtual ~Source() = default;
  /// Events that came into being and never reached the sink: a buffer was full.
  virtual uint64_t lost() const = 0;
  /// No event is left behind in a buffer: all that happened before has reached the sink.
  virtual void drain() = 0;
};

}  // namespace postern::trace
