#include "postern/relay/relay.h"

#include <sys/random.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "postern/wire/vnet_header.h"

#include "fragment_set.h"
#include "superframe.h"

namespace postern::relay {

namespace {

Result<FilterConfig> filter_config(const stack::StackConfig& config) {
  FilterConfig filter{.addresses = config.addresses,
                      .host_loopback = config.host_loopback,
                      .dns = config.dns,
                      .ipv6 = config.ipv6,
                      .max_flows = config.max_flows};
  const auto size = static_cast<ssize_t>(sizeof filter.hash_key);
  if (::getrandom(filter.hash_key.data(), sizeof filter.hash_key, 0) != size) return fail_errno("getrandom");
  return filter;
}

}  // namespace

Relay::Relay(loop::EventLoop& loop, FrameFilter filter)
    : loop_(loop),
      filter_(std::move(filter)),
      tidy_(loop, [this] { filter_.expire(loop_.now()); }),
      superframe_(std::make_unique<Superframe>()),
      buffer_(wire::VnetHeader::kBytes + FrameFilter::kMaxFrameBytes) {}

Relay::~Relay() = default;

Result<std::unique_ptr<Relay>> Relay::create(loop::EventLoop& loop, const stack::StackConfig& config) {
  POSTERN_TRY(filter, filter_config(config), "relay");
  std::unique_ptr<Relay> relay(new Relay(loop, FrameFilter(filter)));
  POSTERN_TRY(stack, stack::SlirpStack::create(config, loop, *relay), "relay");
  relay->stack_ = std::move(stack);
  return relay;
}

Status Relay::connect(UniqueFd tap, netns::TapFraming framing, std::function<void()> tap_gone) {
  tap_ = std::move(tap);
  framing_ = framing;
  tap_gone_ = std::move(tap_gone);
  tap_source_ = loop_.make_source([this](uint32_t, uint32_t) { tap_readable_ = true; });  // errors too: read() tells which
  return tap_source_.watch(tap_.get(), EPOLLIN);
}

Status Relay::turn() {
  const auto limit = stack_->prepare();
  POSTERN_CHECK(loop_.turn(limit), "relay");
  stack_->process();
  flush();
  if (tap_readable_) drain_tap();
  flush();
  return {};
}

void Relay::drain_tap() {
  tap_readable_ = false;
  size_t taken = 0;
  for (int frames = 0; frames < kFramesPerTurn && taken < kBytesPerTurn; ++frames) {
    const ssize_t size = ::read(tap_.get(), buffer_.data(), buffer_.size());
    if (size < 0 && errno == EBADFD) return lose_tap();  // the device is gone, and this is all a TAP says about it
    if (size == 0) return lose_tap();                    // a socket whose other end has gone; a TAP never says this
    if (size < 0) return;
    taken += static_cast<size_t>(size);
    take(wire::MutableBytes(buffer_).first(static_cast<size_t>(size)));
  }
}

void Relay::take(wire::MutableBytes bytes) {
  if (framing_ == netns::TapFraming::bare) return take_frame(bytes);
  const auto vnet = wire::VnetHeader::parse(bytes);
  if (!vnet) return;
  const auto frame = bytes.subspan(wire::VnetHeader::kBytes);
  if (vnet->needs_checksum) wire::complete_checksum(frame);  // libslirp verifies every one
  take_frame(frame);
}

void Relay::take_frame(wire::MutableBytes frame) {
  ++counters_.frames_from_guest;
  const Verdict verdict = filter_.decide(frame, {loop_.now(), stack_->open_flows()});
  switch (verdict.action) {
    case Verdict::Action::pass: return stack_->input(verdict.frame);
    case Verdict::Action::refuse: return frame_to_guest(verdict.frame);
    case Verdict::Action::absorbed: return tidy_.set(loop_.now() + FragmentSet::kLifetime);
    case Verdict::Action::drop: return;
  }
}

void Relay::frame_to_guest(std::span<const uint8_t> frame) {
  ++counters_.frames_to_guest;
  filter_.note_to_guest(frame, loop_.now());
  if (framing_ == netns::TapFraming::bare) return write_tap({&frame, 1});
  if (frame.size() <= Superframe::kMaxAddedBytes) {
    const bool starts_one = superframe_->empty();
    if (superframe_->add(frame)) return;
    if (!starts_one) {
      flush();
      if (superframe_->add(frame)) return;
    }
  } else {
    flush();
    if (const auto parts = superframe_->alone(frame)) return write_tap(*parts);
  }
  constexpr std::array<uint8_t, wire::VnetHeader::kBytes> kNothingSpecial{};
  const std::array<wire::Bytes, 2> parts = {kNothingSpecial, frame};
  write_tap(parts);
}

void Relay::flush() {
  if (superframe_->empty()) return;
  const wire::Bytes whole = superframe_->finish();
  write_tap({&whole, 1});
}

/// One frame, in parts.
void Relay::write_tap(std::span<const wire::Bytes> parts) {
  std::array<iovec, 2> vectors{};
  for (size_t i = 0; i < parts.size(); ++i) vectors[i] = {const_cast<uint8_t*>(parts[i].data()), parts[i].size()};
  if (!tap_ || ::writev(tap_.get(), vectors.data(), static_cast<int>(parts.size())) < 0) ++counters_.writes_lost;
}

void Relay::abandon_tap() {
  if (tap_) (void)netns::leave_to_namespace(tap_.get());  // or the close takes longer
  tap_source_ = {};
  tap_.reset();
}

void Relay::lose_tap() {
  tap_source_ = {};
  tap_.reset();
  if (tap_gone_) tap_gone_();
}

}  // namespace postern::relay
