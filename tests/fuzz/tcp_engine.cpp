// The fast engine against a script of segments, host events and time. Segments have whatever numbers the script likes, near those
// that would be right; Witness (engine_witness.h) sees what comes of it. At the end every connection ends by itself, in a silent
// namespace, and gives all memory back.
//
// The first byte: 1 IPv6, 2 little memory, 4 few connections, 8 a small MTU. Then operations. The low two bits of an operation's
// first byte say what it is, 0x1c which of the connections it is about, and behind it stands
//   0 segment  flags, options, number 2, acknowledgment 2 (both: away from what is right), window 2, data bytes 2
//   1 host     what has happened (Happening), how many bytes or which error 2
//   2 time     milliseconds 2, times 2^(high 3 bits of the first byte)
//   3 turn     the engine runs; if 0x20 the burst only ends. If 0x40, a router says what fits: number 2, bytes 2; with 0x80 that
//              it leads nowhere: number 2; with 0x20 as well all connections are listed, and this one is cut off. If 0x80
//              without 0x40, a client of a published port comes
#include <cerrno>
#include <map>
#include <memory>

#include "postern/wire/tcp_options.h"

#include "engine_witness.h"
#include "fuzz_input.h"

using namespace postern;
using namespace postern::fuzz;
using namespace std::chrono_literals;

namespace {

constexpr size_t kKeys = 8;
constexpr size_t kMostOperations = 4'000;
constexpr size_t kMostData = 4 << 20;  // of a script, or it takes too long
constexpr TimePoint kStart{std::chrono::hours(1)};

/// The bytes of a script; 0 behind its end.
class Script {
 public:
  Script(const uint8_t* data, size_t size) : rest_(data, size) {}
  bool is_over() const { return rest_.empty(); }
  uint8_t byte() {
    if (rest_.empty()) return 0;
    const uint8_t first = rest_.front();
    rest_ = rest_.subspan(1);
    return first;
  }
  uint16_t word() {
    const uint8_t high = byte();
    return static_cast<uint16_t>(high << 8 | byte());
  }

 private:
  wire::Bytes rest_;
};

enum Happening : uint8_t { readable = 1, writable = 2, ended = 4, gives = 8, takes = 16, ends = 32, fails = 64, stale = 128 };

/// What stands in SYNs and other segments, by number.
size_t store_options(uint8_t which, uint32_t near, wire::MutableBytes room) {
  if (which == 0) return 0;
  wire::TcpOptions options;
  if ((which & 0x80) != 0) {
    const uint32_t begin = near + (which & 0x38u) * 64;
    const std::array<wire::TcpOptions::Block, 2> blocks = {
        {{begin, begin + 1000 * (which & 7u)}, {begin + 10'000, begin + 12'000}}};
    return wire::store_sack(room, std::span(blocks).first(1 + (which >> 6 & 1)));
  }
  constexpr std::array<uint16_t, 4> kSizes = {1460, 536, 1, 65'495};
  options.mss = kSizes[which & 3];
  options.sack_permitted = (which & 4) != 0;
  if ((which & 8) != 0) options.window_scale = static_cast<uint8_t>(which >> 4 & 7) == 7 ? 14 : which >> 4 & 7;
  return wire::store_syn_options(room, options);
}

class World final : private flow::GuestSide, private flow::HostSide {
 public:
  explicit World(uint8_t kind)
      : v4_((kind & 1) == 0),
        engine_({.mtu_bytes = (kind & 8) != 0 ? 296u : 1500u,
                 .max_flows = (kind & 4) != 0 ? 2u : 64u,
                 .max_embryonic = (kind & 4) != 0 ? 2u : 64u,
                 .payload_memory_bytes = (kind & 2) != 0 ? size_t{3} << 16 : size_t{8} << 20,
                 .hash_key = {1, 2}},
                *this, *this) {}

  void operate(Script& script);
  void finish();
  size_t data_bytes() const { return data_bytes_; }

 private:
  struct Socket {
    size_t key;
    uint32_t token;
    std::shared_ptr<Witness> witness;
    bool connected = false, shut = false, has_ended = false, broken = false;
    int error = 0;
    uint64_t room = 0, available = 0;
  };

  flow::FlowKey key(size_t number) const;
  std::optional<size_t> number_of(const flow::FlowKey& key) const;
  void segment(size_t number, Script& script);
  void path_mtu(size_t number, Script& script);
  void unreachable(size_t number, Script& script);
  void arrive(size_t number);
  void cut_off(size_t number);
  void happen(size_t number, uint8_t what, uint16_t amount);
  void pass(Duration time);
  void end_burst(flow::Behind behind = flow::Behind::nothing);
  Socket& at(int socket);

  void transmit(const wire::TcpFrame& frame, std::span<const iovec> payload, size_t segment_bytes) override;
  void refuse(const Attempt& attempt, flow::Refusal) override { POSTERN_ASSERT(number_of(attempt.key)); }
  Opening open(const flow::FlowKey& key, uint32_t token) override;
  bool adopt(int socket, uint32_t token) override {
    at(socket).token = token;
    return true;
  }
  int outcome(int socket) override;
  ssize_t send(int socket, std::span<const iovec> bytes) override;
  ssize_t receive(int socket, std::span<const iovec> room) override;
  void shut_writing(int socket) override;
  void close(int socket, Closing how) override;
  void keep_alive(int socket, Duration) override { POSTERN_ASSERT(at(socket).connected); }

  bool v4_;
  TimePoint now_ = kStart;
  size_t data_bytes_ = 0;
  const wire::TcpSegment* current_ = nullptr;
  std::optional<uint8_t> current_shift_;
  std::vector<std::vector<uint8_t>> burst_;  // what the engine may still read
  std::map<int, Socket> sockets_;
  std::array<std::shared_ptr<Witness>, kKeys> witnesses_;  // of the connection that is open, or was
  std::array<int, kKeys> socket_of_{};                     // 0: none
  std::vector<uint32_t> stale_;
  int next_socket_ = 1;
  flow::TcpEngine engine_;
};

flow::FlowKey World::key(size_t number) const {
  const Port port{static_cast<uint16_t>(40'000 + number)};
  if (v4_) return {Ipv4::of(10, 0, 2, 100), port, Ipv4::of(192, 0, 2, 1), Port{80}};
  return {Ipv6{{0xfd, 1}}, port, Ipv6{{0xfd, 2}}, Port{80}};
}

std::optional<size_t> World::number_of(const flow::FlowKey& any) const {
  for (size_t i = 0; i < kKeys; ++i) {
    if (key(i) == any) return i;
  }
  return std::nullopt;
}

// ---- the script

void World::operate(Script& script) {
  const uint8_t first = script.byte();
  const size_t number = first >> 2 & 7;
  switch (first & 3) {
    case 0: return segment(number, script);
    case 1: {
      const uint8_t what = script.byte();
      return happen(number, what, script.word());
    }
    case 2: return pass(script.word() * 1ms * (1 << (first >> 5)));
    default:
      if ((first & 0xe0) == 0xe0) return cut_off(number);
      if ((first & 0xc0) == 0xc0) return unreachable(number, script);
      if ((first & 0x80) != 0) return arrive(number);
      if ((first & 0x40) != 0) return path_mtu(number, script);
      end_burst((first & 0x10) != 0 ? flow::Behind::more : flow::Behind::nothing);
      if ((first & 0x20) == 0) engine_.run(now_);
  }
}

void World::segment(size_t number, Script& script) {
  const uint8_t flags = script.byte(), options = script.byte();
  const auto& witness = witnesses_[number];
  const auto away = [&](uint32_t right) { return right + static_cast<uint32_t>(static_cast<int16_t>(script.word())); };
  std::array<uint8_t, wire::kMaxTcpOptionBytes> option_bytes{};
  wire::TcpSegment tcp{};
  tcp.flags = flags;
  tcp.sequence = away(witness ? witness->expected() : 0xffff'f000);
  tcp.acknowledgment = away(witness ? witness->sent() : 0);
  tcp.window = script.word();
  tcp.options = wire::Bytes(option_bytes).first(store_options(options, tcp.acknowledgment, option_bytes));
  std::vector<uint8_t>& data = burst_.emplace_back(script.word());
  data_bytes_ += data.size();
  if (witness) witness->make_up_data(tcp.sequence, data);
  tcp.payload = data;
  if (witness) witness->segment_sent(tcp);
  current_ = &tcp;
  current_shift_ = wire::TcpOptions::parse(tcp.options).window_scale;
  engine_.input({key(number), Mac{{2}}, Mac{{4}}, tcp}, now_);
  current_ = nullptr;
}

void World::happen(size_t number, uint8_t what, uint16_t amount) {
  if ((what & stale) != 0 && !stale_.empty()) return engine_.host_ready(stale_[amount % stale_.size()], {true, true, true}, now_);
  if (socket_of_[number] == 0) return;
  Socket& socket = at(socket_of_[number]);
  if ((what & takes) != 0) socket.room += uint64_t{amount} * 4;
  if ((what & gives) != 0 && !socket.has_ended) socket.available += uint64_t{amount} * 4;
  if ((what & ends) != 0) socket.has_ended = true;
  if ((what & fails) != 0 && !socket.broken) {
    constexpr std::array<int, 8> kErrors = {ECONNRESET,   ECONNREFUSED, ETIMEDOUT, ENETUNREACH,
                                            EHOSTUNREACH, EACCES,       EPROTO,    EPIPE};
    socket.error = kErrors[amount % kErrors.size()];
    socket.broken = true;
  }
  const bool is_told_of_end = (what & ended) != 0 || socket.broken;  // epoll(7) says EPOLLERR unasked
  if ((what & writable) != 0 && !is_told_of_end) socket.connected = true;
  engine_.host_ready(socket.token, {(what & readable) != 0, (what & writable) != 0, is_told_of_end}, now_);
}

void World::path_mtu(size_t number, Script& script) {
  const uint32_t right = witnesses_[number] ? witnesses_[number]->sent() : 0;
  const uint32_t sequence = right - script.word();
  engine_.path_mtu(key(number), sequence, script.word(), now_);
}

void World::unreachable(size_t number, Script& script) {
  const uint32_t right = witnesses_[number] ? witnesses_[number]->sent() : 0;
  engine_.unreachable(key(number), right - script.word(), now_);
}

void World::arrive(size_t number) {
  const bool has_room = engine_.has_room_for_client(now_);
  const int socket = next_socket_++, before = socket_of_[number];
  const auto previous = witnesses_[number];
  if (before == 0) {
    witnesses_[number] = std::make_shared<Witness>();
    socket_of_[number] = socket;
    sockets_.emplace(socket, Socket{.key = number, .token = 0, .witness = witnesses_[number], .connected = true});
  }
  using Admission = flow::TcpEngine::Admission;
  const Admission admission = engine_.accept({key(number), Mac{{2}}, Mac{{4}}, socket}, now_);
  POSTERN_ASSERT((admission == Admission::taken) == (before != 0));
  POSTERN_ASSERT(has_room || admission != Admission::opened);
  if (admission != Admission::full) return;
  witnesses_[number] = previous;
  socket_of_[number] = 0;
  sockets_.erase(socket);
}

/// As who unpublishes a port with its connections: what is listed is what is open, and what is chosen of it ends at once.
void World::cut_off(size_t number) {
  size_t listed = 0;
  engine_.for_each_flow([&](const flow::TcpEngine::Flow& flow) {
    const auto of_it = number_of(flow.key);
    POSTERN_ASSERT(of_it && flow.socket == socket_of_[*of_it] && !flow.state.empty());
    ++listed;
  });
  POSTERN_ASSERT(listed == engine_.open_flows());
  const bool was_open = socket_of_[number] != 0;
  engine_.reset_if([&](const flow::TcpEngine::Flow& flow) { return flow.key == key(number); }, now_);
  POSTERN_ASSERT(socket_of_[number] == 0 && engine_.open_flows() == listed - (was_open ? 1 : 0));
}

void World::pass(Duration time) {
  const TimePoint until = now_ + time;
  end_burst();
  for (int turn = 0; turn < 100; ++turn) {
    engine_.run(now_);
    const auto next = engine_.next_deadline();
    if (!next || *next > until) break;
    now_ = std::max(now_, *next);
  }
  now_ = std::max(now_, until);
}

void World::end_burst(flow::Behind behind) {
  engine_.end_burst(now_, behind);
  burst_.clear();
}

/// Hosts that take and say nothing more, and a silent namespace: what was acknowledged arrives, and every connection ends.
void World::finish() {
  end_burst();
  for (size_t i = 0; i < kKeys; ++i) {
    if (socket_of_[i] == 0) continue;
    if (!at(socket_of_[i]).connected) happen(i, ended | fails, 2);
    happen(i, writable | takes, UINT16_MAX);
    happen(i, writable | takes, UINT16_MAX);
    for (int turn = 0; turn < 200 && engine_.has_work(); ++turn) engine_.run(now_);
    if (socket_of_[i] == 0) continue;
    const Socket& socket = at(socket_of_[i]);
    if (!socket.broken && socket.connected) POSTERN_ASSERT(socket.witness->taken() >= socket.witness->acknowledged_bytes());
  }
  const TimePoint end = now_ + 30h;
  for (int turn = 0; now_ < end && (engine_.open_flows() != 0 || engine_.payload_memory_in_use() != 0); ++turn) {
    POSTERN_ASSERT(turn < 500'000);  // who waits for memory asks for it every 10 ms
    engine_.run(now_);
    const auto next = engine_.next_deadline();
    POSTERN_ASSERT(next || engine_.has_work() || engine_.payload_memory_in_use() == 0);
    if (next && !engine_.has_work()) now_ = std::max(now_, *next);
  }
  POSTERN_ASSERT(engine_.open_flows() == 0 && engine_.payload_memory_in_use() == 0 && sockets_.empty());
}

// ---- the namespace

void World::transmit(const wire::TcpFrame& frame, std::span<const iovec> payload, size_t segment_bytes) {
  const auto number = number_of({frame.destination, frame.destination_port, frame.source, frame.source_port});
  POSTERN_ASSERT(number && segment_bytes != 0 && frame.options.size() % 4 == 0);
  size_t bytes = 0;
  for (const iovec& piece : payload) bytes += piece.iov_len;
  POSTERN_ASSERT(bytes + wire::IpPacket::kHeaderBytes6 + 20 + frame.options.size() <= wire::IpPacket::kMaxBytes);
  if ((frame.flags & wire::tcp_flag::rst) != 0 || socket_of_[*number] == 0) return;  // of no connection
  at(socket_of_[*number]).witness->frame_came(frame, payload);
}

// ---- the host

World::Socket& World::at(int socket) {
  const auto found = sockets_.find(socket);
  POSTERN_ASSERT(found != sockets_.end());
  return found->second;
}

flow::HostSide::Opening World::open(const flow::FlowKey& any, uint32_t token) {
  const auto number = number_of(any);
  POSTERN_ASSERT(number && current_ && socket_of_[*number] == 0);
  POSTERN_ASSERT(sockets_.size() < 64);
  const unsigned kind = current_->window & 7;  // of the SYN: how the attempt goes
  if (kind == 7) return {.socket = -1, .error = current_->window & 8 ? EMFILE : ENETUNREACH};
  auto witness = std::make_shared<Witness>(current_->sequence);
  if (current_shift_) witness->guest_scales(*current_shift_);
  const int socket = next_socket_++;
  witnesses_[*number] = witness;
  socket_of_[*number] = socket;
  sockets_.emplace(socket, Socket{.key = *number, .token = token, .witness = std::move(witness), .connected = kind == 0});
  return {.socket = socket, .error = kind == 0 ? 0 : EINPROGRESS};
}

int World::outcome(int number) {
  Socket& socket = at(number);
  if (!socket.broken || socket.error == ECONNRESET) socket.connected = true;  // who never was does not know that error
  if (socket.broken) return std::exchange(socket.error, 0);
  return 0;
}

ssize_t World::send(int number, std::span<const iovec> bytes) {
  Socket& socket = at(number);
  POSTERN_ASSERT(socket.connected && !socket.shut && !bytes.empty());
  if (socket.broken) return -(socket.error ? std::exchange(socket.error, 0) : EPIPE);
  size_t taken = 0;
  for (const iovec& piece : bytes) {
    const size_t some = std::min<uint64_t>(piece.iov_len, socket.room);
    socket.witness->host_took({static_cast<const uint8_t*>(piece.iov_base), some});
    socket.room -= some;
    taken += some;
    if (some < piece.iov_len) break;
  }
  return taken == 0 ? -EAGAIN : static_cast<ssize_t>(taken);
}

ssize_t World::receive(int number, std::span<const iovec> room) {
  Socket& socket = at(number);
  POSTERN_ASSERT(socket.connected && !room.empty());
  size_t given = 0;
  for (const iovec& piece : room) {
    POSTERN_ASSERT(piece.iov_len != 0);
    const size_t some = std::min<uint64_t>(piece.iov_len, socket.available);
    socket.witness->host_gives({static_cast<uint8_t*>(piece.iov_base), some});
    socket.available -= some;
    given += some;
  }
  if (given != 0) return static_cast<ssize_t>(given);
  if (socket.broken && socket.error != 0) return -std::exchange(socket.error, 0);
  if (socket.has_ended && !socket.broken) socket.witness->host_ends();
  return socket.has_ended || socket.broken ? 0 : -EAGAIN;
}

void World::shut_writing(int number) {
  Socket& socket = at(number);
  POSTERN_ASSERT(socket.connected && !socket.shut);
  socket.shut = true;
  socket.witness->host_heard_end();
}

void World::close(int number, Closing) {
  Socket& socket = at(number);
  stale_.push_back(socket.token);
  socket_of_[socket.key] = 0;
  sockets_.erase(number);
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Script script(data, size);
  World world(script.byte());
  for (size_t i = 0; i < kMostOperations && !script.is_over() && world.data_bytes() < kMostData; ++i) world.operate(script);
  world.finish();
  return 0;
}
