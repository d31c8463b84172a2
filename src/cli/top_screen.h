// top_screen.h - a terminal that is drawn upon in place, and given back as it was however the program ends: by `q`, by a signal,
// by a crash. No library: a terminal of the last forty years knows these few sequences, console_codes(4).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "postern/base/clock.h"
#include "postern/base/result.h"

#include "top_text.h"

namespace postern::cli {

class TopScreen {
 public:
  /// Whether standard output is a terminal that can do it.
  static bool is_there();
  /// Takes the terminal. There is one at a time: what a signal gives back is known to the process, not to an object. From now on
  /// signals are heard in wait() and while an Interruption lives, so nothing is cut off in its middle.
  TopScreen();
  ~TopScreen();
  TopScreen(const TopScreen&) = delete;
  TopScreen& operator=(const TopScreen&) = delete;

  Room room() const;
  void draw(const std::vector<std::string>& lines) const;

  enum class Wake { in_time, redraw, quit };  // redraw: the size has changed, or the program was stopped and goes on
  /// Until `deadline`, or something happens before it.
  Wake wait(TimePoint deadline) const;

  /// While it lives, Ctrl-C and the like end the program, though another call waits.
  class Interruption {
   public:
    Interruption();
    ~Interruption();
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;
  };
};

}  // namespace postern::cli
