// trace_command.cpp - one trace, from its beginning to its end.
//
//   Collector ──► Sequencer ──► PacketLimit (--count) ──► Outputs
//   a recording ───────────────────┘
#include "trace_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>

#include "postern/base/log.h"
#include "postern/process/signals.h"

#include "collector.h"
#include "named_files.h"
#include "outputs.h"
#include "packet_limit.h"
#include "recording.h"
#include "sequencer.h"

namespace postern::trace_cli {

namespace {

using journey::Event;

uint64_t nanoseconds(TimePoint time) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

/// What happens now, until something ends it.
class LiveTrace {
 public:
  LiveTrace(loop::EventLoop& loop, const TraceOptions& options)
      : loop_(loop),
        turn_(loop, [this] { show_what_is_due(); }),
        watch_(loop, [this] { keep_up(); }),
        limit_(loop, [this] { end_ = true; }) {
    if (options.count) packets_.emplace(*options.count);
  }
  LiveTrace(const LiveTrace&) = delete;
  LiveTrace& operator=(const LiveTrace&) = delete;

  Status begin(const TraceOptions& options) {
    auto signals = process::SignalSource::open({SIGINT, SIGTERM, SIGHUP});
    if (!signals) return Failure(signals.error());
    signals_.emplace(*std::move(signals));
    ends_ = loop_.make_source([this](uint32_t, uint32_t) { end_ = true; });
    if (Status watched = ends_.watch(signals_->fd(), EPOLLIN); !watched) return watched;
    (void)ends_.watch(STDOUT_FILENO, 0);  // its reader has gone; a file, which has none, is refused
    auto collector = Collector::open(loop_, options, [this](Event&& event) { take(std::move(event)); });
    if (!collector) return Failure(collector.error());
    collector_ = *std::move(collector);
    auto outputs = Outputs::open(options, anchor_);  // now that there will be something to put in the place of older files
    if (!outputs) return Failure(outputs.error());
    outputs_ = *std::move(outputs);
    log::info("watching {}; Ctrl-C ends", collector_->watching());
    watch_.set(Clock::now() + kKeepUpEvery);
    if (options.limit) limit_.set(Clock::now() + *options.limit);
    return {};
  }

  /// However it ends, what was collected reaches those outputs that still take it.
  Status run() {
    Status turned;
    while (!end_ && turned && outputs_.are_whole()) turned = loop_.turn();
    ends_.unwatch(STDOUT_FILENO);
    collector_->drain();
    for (Event& event : sequencer_.take_all()) show(std::move(event));
    if (packets_) pass(packets_->take_all());
    Loss lost = collector_->lost();
    lost.events += sequencer_.lost();
    collector_.reset();  // what it made in the kernel goes before the last word is said
    const Status finished = outputs_.finish(lost.all());
    if (lost.all() > 0) log::warning("{}", lost.text());
    return turned ? finished : turned;
  }

 private:
  static constexpr std::chrono::seconds kKeepUpEvery{1};

  void take(Event&& event) {
    sequencer_.add(std::move(event));
    if (!turning_) turn_.set(Clock::now() + Sequencer::kDelay);
    turning_ = true;
  }

  void show_what_is_due() {
    const uint64_t now = nanoseconds(Clock::now());
    const uint64_t delay = std::chrono::nanoseconds(Sequencer::kDelay).count();
    for (Event& event : sequencer_.take(now - delay)) show(std::move(event));
    if (packets_) pass(packets_->take(now));
    if (packets_ && packets_->is_reached(now)) end_ = true;
    outputs_.rest(now);
    turning_ = !sequencer_.empty() || packets_;
    if (turning_) turn_.set(Clock::now() + Sequencer::kDelay);
  }

  void show(Event&& event) {
    if (packets_) return packets_->add(std::move(event));
    outputs_.take(event);
  }
  void pass(const std::vector<Event>& events) {
    for (const Event& event : events) outputs_.take(event);
  }

  void keep_up() {
    collector_->keep_up();
    if (!turning_) outputs_.rest(nanoseconds(Clock::now()));  // blocks come to rest without events too
    watch_.set(Clock::now() + kKeepUpEvery);
  }

  loop::EventLoop& loop_;
  Anchor anchor_ = Anchor::now();
  Outputs outputs_;
  std::optional<process::SignalSource> signals_;
  loop::EventLoop::Source ends_;
  Sequencer sequencer_;
  std::optional<PacketLimit> packets_;
  loop::EventLoop::Timer turn_, watch_, limit_;
  bool turning_ = false;
  bool end_ = false;
  std::unique_ptr<Collector> collector_;  // goes first: it calls us
};

Status trace_live(const TraceOptions& options) {
  auto loop = loop::EventLoop::create();
  if (!loop) return Failure(loop.error());
  LiveTrace trace(**loop, options);
  if (Status begun = trace.begin(options); !begun) return begun;
  return trace.run();
}

Status replay(const TraceOptions& options) {
  auto recording = read_recording(options.replay);
  if (!recording) return Failure(recording.error());
  auto outputs = Outputs::open(options, recording->anchor);
  if (!outputs) return Failure(outputs.error());
  std::vector<Event> events = select(std::move(recording->events), options.filter);
  if (options.count) {
    PacketLimit packets(*options.count);
    for (Event& event : events) packets.add(std::move(event));
    events = packets.take_all();
  }
  for (const Event& event : events) outputs->take(event);
  if (recording->lost > 0) log::warning("{} events were lost when it was recorded", recording->lost);
  return outputs->finish(recording->lost);
}

}  // namespace

int run(const TraceOptions& options) {
  if (const Status differ = check_files_differ(options); !differ) {
    log::error("trace: {} (postern trace --help)", differ.error().message());
    return command::kUsage;
  }
  const Status done = options.replay.empty() ? trace_live(options) : replay(options);
  if (done || done.error().is(std::errc::broken_pipe)) return 0;  // who read us has seen enough
  log::error("trace: {}", done.error().message());
  return command::kFailure;
}

}  // namespace postern::trace_cli
