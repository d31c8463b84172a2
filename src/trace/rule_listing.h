// rule_listing.h - the rules of a namespace, listed by a child. They are a stranger's, and libnftables takes memory and time for
// each of them: what a hundred thousand cost, the child has to bear, and it is ended before that is too much.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include "postern/base/clock.h"
#include "postern/base/result.h"
#include "postern/base/unique_fd.h"
#include "postern/process/child.h"

namespace postern::trace {

class RuleListing {
 public:
  static constexpr size_t kMostBytes = size_t{4} << 20;     // of text
  static constexpr size_t kMostMemory = size_t{256} << 20;  // of the child's, beside what it has from us
  static constexpr std::chrono::seconds kMostTime{2};       // for the caller to keep

  /// Of the rules in `network`. Errors: fork(2)'s.
  static Result<RuleListing> start(const UniqueFd& network);

  enum class State { under_way, done, failed };
  /// Takes what has come. Never blocks.
  State read();
  /// The same until it is not under way any more, or it is so late.
  State wait(TimePoint until);
  /// Ends it, if it is under way. How much of a processor it has taken: on a busy machine that is less than the time that passed.
  Duration finish();
  /// Readable when read() has work.
  int fd() const { return pipe_.get(); }
  const std::string& text() const { return text_; }

 private:
  RuleListing(process::Child child, UniqueFd pipe) : child_(std::move(child)), pipe_(std::move(pipe)) {}
  State end();

  process::Child child_;
  UniqueFd pipe_;
  std::string text_;
  State state_ = State::under_way;
  Duration cost_{};
};

}  // namespace postern::trace
