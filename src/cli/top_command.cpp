// top_command.cpp - asks a running postern again and again what it carries. Two requests a sample, each a connection of its own:
// the relay has no more to do for us than for any client, and nothing to remember.
#include "top_command.h"

#include <poll.h>

#include <cstdio>

#include "postern/base/log.h"

#include "control_reply.h"
#include "top_reply.h"
#include "top_screen.h"
#include "top_text.h"

namespace postern::cli {

namespace {

/// What is asked is answered, or it has ended.
bool means_nobody_listens(const Error& error) {
  return error.is(std::errc::connection_refused) || error.is(std::errc::no_such_file_or_directory);
}

class Top {
 public:
  Top(const TopOptions& options, api::ControlClient client) : options_(options), client_(std::move(client)) {}

  Status begin();
  int watch();

 private:
  enum class End { none, count, key, reader_gone, instance_gone, failure };

  Result<std::string> ask(std::string_view request) const;
  Status sample();
  End round();
  End tell() const;
  End show(std::string_view text) const;
  End wait();
  bool has_ended() const;

  const TopOptions& options_;
  api::ControlClient client_;
  Watched watched_;
  std::optional<Sample> now_;
  Change change_;
  std::unique_ptr<TopScreen> screen_;
  TimePoint next_{};
  std::optional<Error> error_;
};

Result<std::string> Top::ask(std::string_view request) const {
  if (!screen_) return client_.ask(request);
  const TopScreen::Interruption interruption;
  return client_.ask(request);
}

Status Top::begin() {
  const auto status = client_.ask(kStatusRequest);
  if (!status) return Failure(status.error());
  POSTERN_TRY(watched, read_watched(*status, Clock::now()), "top");
  watched_ = std::move(watched);
  return sample();
}

Status Top::sample() {
  const auto flows = ask(kFlowsRequest);
  if (!flows) return Failure(flows.error());
  const TimePoint taken = Clock::now();
  const auto counters = ask(kCountersRequest);
  if (!counters) return Failure(counters.error());
  POSTERN_TRY(sample, read_sample(*flows, *counters, taken), "top");
  change_ = compare(now_, sample);
  now_ = std::move(sample);
  return {};
}

/// Who was in the middle of an answer when it ended has not refused us: asked once more, nobody is there.
bool Top::has_ended() const {
  const auto again = ask(kStatusRequest);
  return !again && means_nobody_listens(again.error());
}

Top::End Top::show(std::string_view text) const {
  const bool all = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (all) return End::none;
  if (errno == EPIPE) return End::reader_gone;
  log::error("{}", fail_errno("write the answer").value().message());
  return End::failure;
}

Top::End Top::tell() const {
  const auto order = in_order(*now_, change_, options_.sort);
  if (options_.output == Output::json) return show(top_json(watched_, *now_, change_, order));
  if (screen_) {
    screen_->draw(top_lines(watched_, *now_, change_, order, screen_->room()));
    return End::none;
  }
  std::string block;
  for (const std::string& line : top_lines(watched_, *now_, change_, order, Room{})) block += line + "\n";
  return show(change_.seconds ? "\n" + block : block);
}

/// Until it is time for the next sample.
Top::End Top::wait() {
  next_ = std::max(next_ + options_.interval, Clock::now());
  while (screen_) {
    switch (screen_->wait(next_)) {
      case TopScreen::Wake::in_time: return End::none;
      case TopScreen::Wake::quit: return End::key;
      case TopScreen::Wake::redraw: (void)tell();
    }
  }
  for (auto left = next_ - Clock::now(); left > Duration::zero(); left = next_ - Clock::now()) {
    const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(left).count() + 1;
    ::poll(nullptr, 0, static_cast<int>(whole));
  }
  return End::none;
}

Top::End Top::round() {
  if (const End end = wait(); end != End::none) return end;
  const Status good = sample();
  if (good) return tell();
  if (means_nobody_listens(good.error()) || has_ended()) return End::instance_gone;
  error_ = good.error();
  return End::failure;
}

int Top::watch() {
  if (options_.output == Output::text && TopScreen::is_there()) screen_ = std::make_unique<TopScreen>();
  next_ = now_->taken;
  End end = tell();
  for (uint64_t told = 1; end == End::none; ++told) end = options_.count == told ? End::count : round();
  screen_.reset();  // what is said now stays
  if (end == End::instance_gone) log::info("PID {} has ended", watched_.pid);
  if (error_) log::error("{}", error_->message());
  return end == End::failure ? kFailure : 0;
}

}  // namespace

int top_command(const TopOptions& options) {
  auto client = api::ControlClient::find(options.instance);
  if (!client) {
    log::error("{}", client.error().message());
    return kFailure;
  }
  Top top(options, *std::move(client));
  if (const Status begun = top.begin(); !begun) {
    log::error("{}", begun.error().message());
    return kFailure;
  }
  return top.watch();
}

}  // namespace postern::cli
