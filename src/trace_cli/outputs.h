// outputs.h - what becomes of the events: lines, blocks or JSON on standard output, and files beside it.
#pragma once

#include <memory>
#include <vector>

#include "postern/base/result.h"
#include "postern/journey/event.h"
#include "postern/journey/journey.h"

#include "anchor.h"
#include "options.h"

namespace postern::trace_cli {

class Output {
 public:
  virtual ~Output() = default;
  /// Errors: EPIPE: who read it has gone; write(2)'s.
  virtual Status take(const journey::Event& event) = 0;
  /// What was held back until now and need not be any more. `now_ns` as Event::time_ns.
  virtual Status rest(uint64_t now_ns) = 0;
  /// The last call. `lost`: events that nobody saw.
  virtual Status finish(uint64_t lost) = 0;
};

/// All that was asked for. Files are made at once: what cannot be written is known before anything is shown. An output that fails
/// is passed over from then on, and takes no other with it.
class Outputs {
 public:
  /// `anchor`: of the events; none: it is not known.
  static Result<Outputs> open(const TraceOptions& options, const std::optional<Anchor>& anchor);

  void take(const journey::Event& event);
  void rest(uint64_t now_ns);
  /// None has failed until now: there is a reason to go on.
  bool are_whole() const;
  /// The last call, whatever happened. Errors: what failed first; that a reader has gone, if nothing else did.
  Status finish(uint64_t lost);

 private:
  struct Kept {
    std::unique_ptr<Output> output;
    Status told = {};
  };
  void add(std::unique_ptr<Output> output) { all_.push_back({std::move(output)}); }

  std::vector<Kept> all_;
};

}  // namespace postern::trace_cli
