// instance_stream.h - what a running postern has to tell of packets, as a source: the stream of lines behind its control
// protocol's "trace".
//
//   api::ControlClient::trace(filter) ──► connection ──► InstanceStream ── the first line ──► grant
//                                                                      └── a line an event ──► testimony ──► sink
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "postern/base/result.h"
#include "postern/base/unique_fd.h"
#include "postern/journey/event.h"
#include "postern/loop/event_loop.h"
#include "postern/trace/source.h"

namespace postern::trace {

class InstanceStream final : public Source {
 public:
  static constexpr uint64_t kMostLost = 1'000'000'000;  // that it may say it has lost: more than a day's worth

  /// Who is at the other end, as we know it without asking it.
  struct Speaker {
    pid_t pid = 0;
    std::string name;
    uint64_t guest_inode = 0, own_inode = 0;  // network namespaces that it sees packets in; 0: not known
    uint64_t since_ns = 0;                    // when the trace began
  };
  struct Listener {
    journey::EventSink sink;
    /// Of the first line: whether it grants what was asked for.
    std::function<Status(std::string_view first_line)> grant;
    /// Called once, from the loop or from drain(), when the other side has gone, refuses, or says what is no line.
    std::function<void()> ended;
  };
  /// `connection` is one on which a trace was asked for. The loop must outlive the stream. Errors: epoll_ctl(2)'s.
  static Result<std::unique_ptr<InstanceStream>> open(loop::EventLoop& loop, UniqueFd connection, Speaker speaker,
                                                      Listener listener);
  ~InstanceStream() override;

  /// Whether the other side has answered, and grants it.
  bool is_granted() const { return is_granted_; }
  bool is_over() const { return over_; }
  /// As the other side says.
  uint64_t lost() const override { return lost_; }
  /// What the instance has sent by now; it sends at the end of each of its turns.
  void drain() override;
  /// Lines that were no event of ours.
  uint64_t not_understood() const { return not_understood_; }

 private:
  InstanceStream(loop::EventLoop& loop, UniqueFd connection, Speaker speaker, Listener listener);
  void receive();
  void end_if_over();
  bool receive_some();
  void take_lines();
  void take(std::string_view line);

  UniqueFd connection_;
  std::string received_;
  Speaker speaker_;
  Listener listener_;
  loop::EventLoop::Source source_;
  uint64_t lost_ = 0, not_understood_ = 0;
  bool is_granted_ = false, over_ = false;
};

}  // namespace postern::trace
