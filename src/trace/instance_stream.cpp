#include "postern/trace/instance_stream.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "postern/base/clock.h"
#include "postern/base/text.h"
#include "postern/journey/event_json.h"

#include "testimony.h"

namespace postern::trace {

namespace {

constexpr size_t kReadBytes = 65'536;
constexpr int kReadsPerTurn = 8;                     // then other sources have their turn
constexpr int kReadsOfADrain = 64;                   // more than waits at the other end and on the way
constexpr size_t kMostInALine = size_t{256} * 1024;  // more than a stream's server keeps: who sends more is none

/// Of the line that says how many events found no room.
std::optional<uint64_t> lost_in(std::string_view line) {
  constexpr std::string_view kBegin = "{\"lost\":", kEnd = "}";
  if (!line.starts_with(kBegin) || !line.ends_with(kEnd)) return std::nullopt;
  line.remove_prefix(kBegin.size());
  line.remove_suffix(kEnd.size());
  return whole_number<uint64_t>(line);
}

uint64_t now_ns() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count());
}

}  // namespace

InstanceStream::InstanceStream(loop::EventLoop& loop, UniqueFd connection, Speaker speaker, Listener listener)
    : connection_(std::move(connection)),
      speaker_(std::move(speaker)),
      listener_(std::move(listener)),
      source_(loop.make_source([this](uint32_t, uint32_t) { receive(); })) {}

InstanceStream::~InstanceStream() = default;

Result<std::unique_ptr<InstanceStream>> InstanceStream::open(loop::EventLoop& loop, UniqueFd connection, Speaker speaker,
                                                             Listener listener) {
  std::unique_ptr<InstanceStream> stream(
      new InstanceStream(loop, std::move(connection), std::move(speaker), std::move(listener)));
  POSTERN_CHECK(stream->source_.watch(stream->connection_.get(), EPOLLIN), "listen to a running postern");
  return stream;
}

/// False: there is no more for now, or for good.
bool InstanceStream::receive_some() {
  std::array<char, kReadBytes> room;
  const ssize_t size = over_ ? 0 : ::recv(connection_.get(), room.data(), room.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (size <= 0) {
    over_ = true;
    return false;
  }
  received_.append(room.data(), static_cast<size_t>(size));
  take_lines();
  if (received_.size() > kMostInALine) over_ = true;
  return !over_;
}

void InstanceStream::receive() {
  for (int reads = 0; reads < kReadsPerTurn && receive_some(); ++reads) continue;
  end_if_over();
}

void InstanceStream::end_if_over() {
  if (!over_) return;
  source_.unwatch(connection_.get());
  if (listener_.ended) std::exchange(listener_.ended, nullptr)();
}

void InstanceStream::drain() {
  for (int reads = 0; reads < kReadsOfADrain && receive_some(); ++reads) continue;
  end_if_over();
}

void InstanceStream::take_lines() {
  size_t begin = 0;
  for (size_t end = 0; !over_ && (end = received_.find('\n', begin)) != received_.npos; begin = end + 1) {
    take(std::string_view(received_).substr(begin, end - begin));
  }
  received_.erase(0, begin);
}

void InstanceStream::take(std::string_view line) {
  if (!is_granted_) {
    is_granted_ = listener_.grant(line).has_value();
    over_ = !is_granted_;
    return;
  }
  if (const auto lost = lost_in(line)) {
    lost_ += std::min(*lost, kMostLost - lost_);
    return;
  }
  auto said = journey::event_from_json(line);
  auto event = said ? testimony(*std::move(said), speaker_, now_ns()) : std::nullopt;
  if (!event) {
    ++not_understood_;
    return;
  }
  listener_.sink(std::move(*event));
}

}  // namespace postern::trace
