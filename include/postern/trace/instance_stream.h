// instance_stream.h - what a running postern has to tell of packets, as a source: the stream of lines behind its control
// protocol's "trace".
//
//   api::ControlClient::trace(filter) ──► connection, first line ──► InstanceStream ── a line an event ──► sink
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"
#include "postern/journey/event.h"
#include "postern/loop/event_loop.h"
#include "postern/trace/source.h"

namespace postern::trace {

class InstanceStream final : public Source {
 public:
  /// `connection` is one whose request was granted; `received` is what has come behind the grant so far. `ended` is called once,
  /// from the loop or from drain(), when the other side has gone or says what is no line. The loop must outlive the stream.
  /// Errors: epoll_ctl(2)'s.
  static Result<std::unique_ptr<InstanceStream>> open(loop::EventLoop& loop, UniqueFd connection, std::string received,
                                                      journey::EventSink sink, std::function<void()> ended = {});
  ~InstanceStream() override;

  uint64_t lost() const override { return lost_; }
  /// What the instance has sent by now; it sends at the end of each of its turns.
  void drain() override;
  /// Lines that were no event of ours.
  uint64_t not_understood() const { return not_understood_; }

 private:
  InstanceStream(loop::EventLoop& loop, UniqueFd connection, std::string received, journey::EventSink sink,
                 std::function<void()> ended);
  void receive();
  void end_if_over();
  bool receive_some();
  void take_lines();
  void take(std::string_view line);

  UniqueFd connection_;
  std::string received_;
  journey::EventSink sink_;
  std::function<void()> ended_;
  loop::EventLoop::Source source_;
  uint64_t lost_ = 0, not_understood_ = 0;
  bool over_ = false;
};

}  // namespace postern::trace
