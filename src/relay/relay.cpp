#include "postern/relay/relay.h"

#include <sys/random.h>
#include <unistd.h>

#include <cerrno>

namespace postern::relay {

namespace {

Result<FilterConfig> filter_config(const stack::StackConfig& config) {
  FilterConfig filter{
      .addresses = config.addresses, .host_loopback = config.host_loopback, .ipv6 = config.ipv6, .max_flows = config.max_flows};
  const auto size = static_cast<ssize_t>(sizeof filter.hash_key);
  if (::getrandom(filter.hash_key.data(), sizeof filter.hash_key, 0) != size) return fail_errno("getrandom");
  return filter;
}

}  // namespace

Relay::Relay(loop::EventLoop& loop, FrameFilter filter)
    : loop_(loop), filter_(std::move(filter)), frame_(FrameFilter::kMaxFrameBytes) {}

Result<std::unique_ptr<Relay>> Relay::create(loop::EventLoop& loop, const stack::StackConfig& config) {
  POSTERN_TRY(filter, filter_config(config), "relay");
  std::unique_ptr<Relay> relay(new Relay(loop, FrameFilter(filter)));
  POSTERN_TRY(stack, stack::SlirpStack::create(config, loop, *relay), "relay");
  relay->stack_ = std::move(stack);
  return relay;
}

Status Relay::connect(UniqueFd tap, std::function<void()> tap_gone) {
  tap_ = std::move(tap);
  tap_gone_ = std::move(tap_gone);
  tap_source_ = loop_.make_source([this](uint32_t, uint32_t) { tap_readable_ = true; });  // errors too: read() tells which
  return tap_source_.watch(tap_.get(), EPOLLIN);
}

Status Relay::turn() {
  const auto limit = stack_->prepare();
  POSTERN_CHECK(loop_.turn(limit), "relay");
  stack_->process();
  if (tap_readable_) drain_tap();
  return {};
}

void Relay::drain_tap() {
  tap_readable_ = false;
  size_t bytes = 0;
  for (int taken = 0; taken < kFramesPerTurn && bytes < kBytesPerTurn; ++taken) {
    const ssize_t size = ::read(tap_.get(), frame_.data(), frame_.size());
    if (size < 0 && errno == EBADFD) return lose_tap();  // the device is gone, and this is all a TAP says about it
    if (size <= 0) return;
    bytes += static_cast<size_t>(size);
    take_frame(wire::MutableBytes(frame_).first(static_cast<size_t>(size)));
  }
}

void Relay::take_frame(wire::MutableBytes frame) {
  ++counters_.frames_from_guest;
  const Verdict verdict = filter_.decide(frame, {loop_.now(), stack_->open_flows()});
  switch (verdict.action) {
    case Verdict::Action::pass: return stack_->input(verdict.frame);
    case Verdict::Action::refuse: return frame_to_guest(verdict.frame);
    case Verdict::Action::absorbed:
    case Verdict::Action::drop: return;
  }
}

void Relay::frame_to_guest(std::span<const uint8_t> frame) {
  const bool sent = tap_ && ::write(tap_.get(), frame.data(), frame.size()) == static_cast<ssize_t>(frame.size());
  ++(sent ? counters_.frames_to_guest : counters_.frames_lost);
}

void Relay::lose_tap() {
  tap_source_ = {};
  tap_.reset();
  if (tap_gone_) tap_gone_();
}

}  // namespace postern::relay
