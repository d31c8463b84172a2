#include "engine_script.h"

#include <fmt/format.h>

#include <cerrno>

namespace postern::flow {

namespace {

using namespace wire::tcp_flag;

constexpr Ipv4 kGuest4 = Ipv4::of(10, 0, 2, 100), kRemote4 = Ipv4::of(192, 0, 2, 1);
constexpr Ipv6 kGuest6{{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}},
    kRemote6{{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
constexpr Mac kRouterMac{{2, 0, 0, 0, 0, 1}};
constexpr uint16_t kFirstPort = 40'000;
constexpr int kMostTurns = 10'000;  // in a row without waiting: more is a loop without end

/// The byte at a number of the script, the same in both directions.
uint8_t byte_at(uint32_t number) { return static_cast<uint8_t>(number ^ number >> 8 ^ (number >> 16) * 3); }

std::vector<uint8_t> bytes_from(uint32_t number, size_t count) {
  std::vector<uint8_t> bytes(count);
  for (auto& byte : bytes) byte = byte_at(number++);
  return bytes;
}

}  // namespace

void ScriptGuest::syn(const Syn& how) {
  heard_up_to_ = 0;
  begin(how, static_cast<uint8_t>(wire::tcp_flag::syn | how.more_flags), 0);
}

void ScriptGuest::answers(const Syn& how) {
  begin(how, static_cast<uint8_t>(wire::tcp_flag::syn | ack | how.more_flags), heard_up_to_);
}

void ScriptGuest::begin(const Syn& how, uint8_t flags, uint32_t acknowledged) {
  std::array<uint8_t, wire::kMaxTcpOptionBytes> room{};
  const size_t bytes =
      wire::store_syn_options(room, {.mss = how.mss, .window_scale = how.scale, .sack_permitted = how.sack, .sack = {}});
  std::vector<uint8_t> options(room.begin(), room.begin() + static_cast<ptrdiff_t>(bytes));
  if (!how.raw_options.empty()) options = how.raw_options;
  initial_ = how.initial;
  shift_ = wire::TcpOptions::parse(options).window_scale.value_or(0);
  next_ = 1;
  const auto field = static_cast<uint16_t>(std::min<uint32_t>(window_, 0xffff));  // of a SYN it is not scaled
  inject({.flags = flags, .seq = 0, .ack = acknowledged, .bytes = how.bytes}, std::move(options), field);
}

void ScriptGuest::says_unreachable(uint32_t seq) {
  script_->engine().unreachable(key_, engine_initial_ + seq, script_->now());
  if (!script_->in_burst_) script_->turn();
}

void ScriptGuest::segment(const Segment& segment) {
  std::array<wire::TcpOptions::Block, wire::kMaxSackBlocks> blocks{};
  for (size_t i = 0; i < segment.sack.size(); ++i) {
    blocks.at(i) = {segment.sack[i].begin + engine_initial_, segment.sack[i].end + engine_initial_};
  }
  std::array<uint8_t, wire::kMaxTcpOptionBytes> room{};
  const size_t bytes = wire::store_sack(room, std::span(blocks).first(segment.sack.size()));
  const auto field = static_cast<uint16_t>(std::min<uint32_t>(window_ >> shift_, 0xffff));
  inject(segment, {room.begin(), room.begin() + static_cast<ptrdiff_t>(bytes)}, field);
}

void ScriptGuest::inject(const Segment& said, std::vector<uint8_t> options, uint16_t window) {
  auto& data = script_->in_flight_.emplace_back(bytes_from(said.seq, said.bytes));
  auto& kept = script_->in_flight_.emplace_back(std::move(options));
  GuestSegment segment{key_, mac_, kRouterMac, {}};
  segment.tcp = {.source = key_.guest_port,
                 .destination = key_.remote_port,
                 .sequence = initial_ + said.seq,
                 .acknowledgment = (said.flags & ack) != 0 ? engine_initial_ + said.ack : 0,
                 .flags = said.flags,
                 .window = window,
                 .options = kept,
                 .payload = data};
  script_->engine().input(segment, script_->now());
  if (!script_->in_burst_) script_->turn();
}

void ScriptGuest::sends(size_t bytes) {
  const uint32_t from = next_;
  next_ += static_cast<uint32_t>(bytes);
  segment({.flags = ack | psh, .seq = from, .ack = heard_up_to_, .bytes = bytes});
}

void ScriptGuest::acks(uint32_t number, std::vector<wire::TcpOptions::Block> sack) {
  segment({.seq = next_, .ack = number, .sack = std::move(sack)});
}

void ScriptGuest::fin() {
  const uint32_t at = next_++;
  segment({.flags = ack | wire::tcp_flag::fin, .seq = at, .ack = heard_up_to_});
}

void ScriptGuest::rst() { segment({.flags = wire::tcp_flag::rst, .seq = next_}); }

void ScriptGuest::says_too_big(uint32_t seq, unsigned mtu_bytes) {
  script_->engine().path_mtu(key_, engine_initial_ + seq, mtu_bytes, script_->now());
  if (!script_->in_burst_) script_->turn();
}

void ScriptGuest::take(const wire::TcpFrame& frame, std::span<const iovec> payload, size_t segment_bytes) {
  if ((frame.flags & wire::tcp_flag::syn) != 0) {
    engine_initial_ = frame.sequence;
    our_shift_ = wire::TcpOptions::parse(frame.options).window_scale.value_or(0);
  }
  const uint32_t seq = frame.sequence - engine_initial_;
  Heard heard{frame, {frame.options.begin(), frame.options.end()}, 0, segment_bytes, {}};
  for (const iovec& piece : payload) {
    const auto* bytes = static_cast<const uint8_t*>(piece.iov_base);
    const std::vector<uint8_t> expected = bytes_from(seq + static_cast<uint32_t>(heard.bytes), piece.iov_len);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), bytes)) << "wrong bytes at " << seq + heard.bytes;
    heard.bytes += piece.iov_len;
  }
  heard.text = text_of(frame, heard.bytes, frame.options);
  const bool ends = (frame.flags & wire::tcp_flag::fin) != 0, begins = (frame.flags & wire::tcp_flag::syn) != 0;
  const auto end = seq + static_cast<uint32_t>(heard.bytes) + ends + begins;
  const bool lost = to_lose_ != 0;
  if (lost) --to_lose_;
  if (!lost && seq <= heard_up_to_ && end > heard_up_to_) heard_up_to_ = end;
  heard.frame.options = {};
  frames_.push_back(std::move(heard));
}

std::string ScriptGuest::text_of(const wire::TcpFrame& frame, size_t bytes, wire::Bytes options) const {
  constexpr std::array<std::pair<uint8_t, char>, 8> kLetters = {{{wire::tcp_flag::syn, 'S'},
                                                                 {wire::tcp_flag::fin, 'F'},
                                                                 {wire::tcp_flag::rst, 'R'},
                                                                 {psh, 'P'},
                                                                 {ack, '.'},
                                                                 {urg, 'U'},
                                                                 {ece, 'E'},
                                                                 {cwr, 'W'}}};
  std::string text;
  for (const auto& [flag, letter] : kLetters) {
    if ((frame.flags & flag) != 0) text += letter;
  }
  const uint32_t seq = frame.sequence - engine_initial_;
  text += bytes == 0 ? fmt::format(" {}", seq) : fmt::format(" {}:{}({})", seq, seq + bytes, bytes);
  if ((frame.flags & ack) != 0) text += fmt::format(" ack {}", frame.acknowledgment - initial_);
  const auto parsed = wire::TcpOptions::parse(options);
  for (const auto& block : parsed.blocks()) text += fmt::format(" sack {}:{}", block.begin - initial_, block.end - initial_);
  return text;
}

std::string ScriptGuest::hears() {
  if (frames_.empty()) return "";
  last_ = std::move(frames_.front());
  frames_.pop_front();
  return last_.text;
}

std::vector<std::string> ScriptGuest::hears_all() {
  std::vector<std::string> all;
  while (!frames_.empty()) all.push_back(hears());
  return all;
}

void ScriptHost::connects() { tells({.writable = true}); }

void ScriptHost::refuses(int error) {
  connect_error_ = error;
  tells({.ended = true});
}

void ScriptHost::connects_and_is_reset() {
  connect_error_ = ECONNRESET;
  ended_ = true;  // once the error has been told there is but an end
  tells({.readable = true, .writable = true, .ended = true});
}

void ScriptHost::sends(size_t bytes) {
  offered_ += bytes;
  tells({.readable = true});
}

void ScriptHost::sends_marked(size_t before_mark, size_t bytes) {
  mark_ = offered_ + before_mark;
  offered_ += bytes;
  tells({.readable = true, .urgent = true});
}

void ScriptHost::ends() {
  ended_ = true;
  tells({.readable = true, .ended = true});
}

void ScriptHost::fails(int error) {
  error_ = error;
  tells({.readable = true, .writable = true, .ended = true});
}

void ScriptHost::has_room(size_t bytes) {
  const bool was_full = room_ == 0;
  room_ = bytes;
  if (was_full && bytes != 0) tells({.writable = true});
}

void ScriptHost::tells(TcpEngine::Readiness readiness) {
  if (socket_ < 0 || closed) return;
  script_->engine().host_ready(token_, readiness, script_->now());
  if (!script_->in_burst_) script_->turn();
}

ssize_t ScriptHost::take(std::span<const iovec> bytes) {
  ++calls;
  EXPECT_TRUE(is_open() && !is_shut) << "a send after the end";
  if (send_error_ != 0) return -std::exchange(send_error_, 0);
  if (room_ == 0) return -EAGAIN;
  size_t taken = 0;
  for (const iovec& piece : bytes) {
    const size_t some = std::min(piece.iov_len, room_);
    const auto expected = bytes_from(static_cast<uint32_t>(got_ + 1), some);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), static_cast<const uint8_t*>(piece.iov_base)))
        << "the host got wrong bytes behind " << got_;
    got_ += some;
    taken += some;
    if (room_ != SIZE_MAX) room_ -= some;
    if (some < piece.iov_len) break;
  }
  return static_cast<ssize_t>(taken);
}

ssize_t ScriptHost::give(std::span<const iovec> room) {
  ++calls;
  EXPECT_TRUE(is_open()) << "a receive after the end";
  room_of_read = 0;
  for (const iovec& piece : room) room_of_read += piece.iov_len;
  const size_t before_mark = read_ < mark_ ? mark_ - read_ : SIZE_MAX;
  const size_t most = std::min(unread(), before_mark);
  if (most == 0 && ended_) return 0;  // Linux: an error behind the end is told to whoever sends, or asks
  if (most == 0) return error_ != 0 ? -std::exchange(error_, 0) : -EAGAIN;
  size_t given = 0;
  for (const iovec& piece : room) {
    const size_t some = std::min(piece.iov_len, most - given);
    const auto bytes = bytes_from(static_cast<uint32_t>(read_ + 1), some);
    std::copy(bytes.begin(), bytes.end(), static_cast<uint8_t*>(piece.iov_base));
    read_ += some;
    given += some;
  }
  return static_cast<ssize_t>(given);
}

EngineScript::EngineScript() : opening_error_(EINPROGRESS) {
  ends_.push_back(std::make_unique<Ends>());
  begin({});
}

EngineScript::~EngineScript() = default;

/// The engine's own first number is a clock's and a hash's, RFC 6528: this is a time at which the first connection's goes round
/// soon.
void EngineScript::begin(const TcpConfig& config) {
  engine_.reset();
  ends_.resize(1);
  *ends_.front() = Ends();
  give_key(*ends_.front(), 0);
  const auto hashed = static_cast<uint32_t>(hash(first().guest.key_, config.hash_key) >> 32);
  const uint64_t ticks = (uint64_t{1} << 32) + (ScriptGuest::kInitial - hashed);
  now_ = TimePoint(std::chrono::microseconds(ticks * 4));
  engine_ = std::make_unique<TcpEngine>(config, static_cast<GuestSide&>(*this), static_cast<HostSide&>(*this));
}

void EngineScript::begin6(const TcpConfig& config) {
  v6_ = true;
  begin(config);
}

void EngineScript::give_key(Ends& ends, size_t number) {
  const Port port{static_cast<uint16_t>(kFirstPort + number)};
  ends.guest.script_ = ends.host.script_ = this;
  ends.guest.key_ = v6_ ? FlowKey{kGuest6, port, kRemote6, Port{80}} : FlowKey{kGuest4, port, kRemote4, Port{80}};
}

EngineScript::Ends& EngineScript::another() {
  ends_.push_back(std::make_unique<Ends>());
  give_key(*ends_.back(), ends_.size() - 1);
  return *ends_.back();
}

void EngineScript::establish(Ends& ends, const ScriptGuest::Syn& how) {
  ends.guest.syn(how);
  ends.host.connects();
  EXPECT_EQ(ends.guest.hears(), "S. 0 ack 1");
  ends.guest.acks();
  EXPECT_EQ(ends.guest.hears(), "");
}

void EngineScript::wait(Duration duration) {
  const TimePoint until = now_ + duration;
  for (auto due = engine_->next_deadline(); due && *due <= until; due = engine_->next_deadline()) {
    now_ = std::max(now_, *due);
    ++wakes_;
    turn();
    if (::testing::Test::HasFatalFailure()) return;
  }
  now_ = until;
}

void EngineScript::turn() {
  engine_->end_burst(now_);
  int turns = 0;
  do {
    engine_->run(now_);
    if (++turns > kMostTurns) FAIL() << "the engine never comes to rest";
  } while (engine_->has_work());
  in_flight_.clear();
}

void EngineScript::transmit(const wire::TcpFrame& frame, std::span<const iovec> payload, size_t segment_bytes) {
  const auto number = static_cast<size_t>(frame.destination_port.number - kFirstPort);
  const FlowKey key{frame.destination, frame.destination_port, frame.source, frame.source_port};
  ASSERT_LT(number, ends_.size());
  ASSERT_EQ(key, ends_[number]->guest.key_);
  ends_[number]->guest.take(frame, payload, segment_bytes);
}

void EngineScript::refuse(const Attempt& attempt, Refusal why) {
  ScriptGuest& guest = ends_.at(static_cast<size_t>(attempt.key.guest_port.number - kFirstPort))->guest;
  EXPECT_EQ(attempt.sequence, guest.initial_);
  guest.refusals.push_back(why);
}

HostSide::Opening EngineScript::open(const FlowKey& key, uint32_t token) {
  const int number = key.guest_port.number - kFirstPort;
  ScriptHost& host = host_of(number);
  EXPECT_FALSE(host.is_open()) << "a second socket for one connection";
  host = ScriptHost();
  host.script_ = this;
  if (opening_error_ != 0 && opening_error_ != EINPROGRESS) return {.socket = -1, .error = opening_error_};
  host.socket_ = number;
  host.token_ = token;
  return {.socket = number, .error = opening_error_};
}

TcpEngine::Admission EngineScript::arrives(Ends& ends) {
  const int number = ends.guest.key_.guest_port.number - kFirstPort;
  ScriptHost old = std::exchange(ends.host, ScriptHost());
  ends.host.script_ = this;
  ends.host.socket_ = number;
  const auto admission = engine_->accept({ends.guest.key_, Mac{}, kRouterMac, number}, now_);
  if (admission != TcpEngine::Admission::opened) ends.host = old;
  turn();
  return admission;
}

bool EngineScript::adopt(int socket, uint32_t token) {
  host_of(socket).token_ = token;
  return true;
}

int EngineScript::outcome(int socket) {
  ++host_of(socket).outcomes;
  const int error = std::exchange(host_of(socket).connect_error_, 0);
  return error != 0 ? error : std::exchange(host_of(socket).error_, 0);
}

ssize_t EngineScript::send(int socket, std::span<const iovec> bytes) { return host_of(socket).take(bytes); }
ssize_t EngineScript::receive(int socket, std::span<const iovec> room) { return host_of(socket).give(room); }

void EngineScript::shut_writing(int socket) { EXPECT_FALSE(std::exchange(host_of(socket).is_shut, true)) << "shut twice"; }

void EngineScript::close(int socket, Closing how) {
  EXPECT_FALSE(host_of(socket).closed) << "closed twice";
  host_of(socket).closed = how;
}

void EngineScript::keep_alive(int socket, Duration period) { host_of(socket).keep_alive = period; }

}  // namespace postern::flow
