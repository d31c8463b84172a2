#include "postern/api/event_stream.h"

#include <fmt/format.h>

namespace postern::api {

namespace {
constexpr size_t kLossBytes = 32;  // of a line that tells of losses: {"lost":18446744073709551615}
}

void EventStream::push(std::string_view line) {
  const bool was_empty = waiting().empty();
  tell_loss();
  if (lost_ != 0 || !has_room_for(line.size() + 1 + kLossBytes)) {
    ++lost_;
    return;
  }
  append(line);
  if (was_empty && has_more_) has_more_();
}

void EventStream::take(size_t bytes) {
  taken_ += bytes;
  tell_loss();
  if (taken_ * 2 < buffer_.size()) return;  // not each time: it is moved
  buffer_.erase(0, taken_);
  taken_ = 0;
}

/// Half of the room must be free: else a client that is a little too slow would read of losses more than of events.
void EventStream::tell_loss() {
  if (lost_ == 0 || is_behind()) return;
  append(fmt::format("{{\"lost\":{}}}", lost_));
  lost_ = 0;
}

void EventStream::append(std::string_view line) { buffer_.append(line).push_back('\n'); }

}  // namespace postern::api
