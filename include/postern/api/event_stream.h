// event_stream.h - lines on their way to a client that may be slow: bounded, and what finds no room is counted and told.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace postern::api {

class EventStream {
 public:
  static constexpr size_t kMostBytes = size_t{256} * 1024;  // that wait

  EventStream() = default;
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  /// `has_more` is called when something waits where nothing did.
  void on_more(std::function<void()> has_more) { has_more_ = std::move(has_more); }
  /// `line` is without its newline. If there is no room it is lost; a line {"lost":N} says so as soon as there is room for that,
  /// before what comes next.
  void push(std::string_view line);
  /// Whether what would be pushed now is lost in any case: nobody need make it.
  bool is_behind() const { return lost_ != 0 && !has_room_for(kMostBytes / 2); }
  /// In place of push(): a line that nobody has made.
  void lose() { ++lost_; }
  std::string_view waiting() const { return std::string_view(buffer_).substr(taken_); }
  /// The first `bytes` of what waits have gone.
  void take(size_t bytes);

 private:
  bool has_room_for(size_t bytes) const { return buffer_.size() - taken_ + bytes <= kMostBytes; }
  void tell_loss();
  void append(std::string_view line);

  std::string buffer_;
  size_t taken_ = 0;
  uint64_t lost_ = 0;  // that no line has told yet
  std::function<void()> has_more_;
};

/// While it exists, somebody is told of what he asked for.
class Tracing {
 public:
  virtual ~Tracing() = default;
};

/// A client's stream, and what fills it.
struct Subscription {
  EventStream stream;
  std::unique_ptr<Tracing> tracing;  // goes before the stream
};

}  // namespace postern::api
