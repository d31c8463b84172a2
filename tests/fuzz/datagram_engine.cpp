// The datagram engine against a script of datagrams, host events and time. Whatever comes, each socket belongs to one mapping and
// is closed once, there are never more than the limits say, nothing is told to the namespace of a stranger, and in the end, when
// all is silent, all sockets are gone but those of published ports.
//
// The first byte: 1 full cone, 2 few mappings, 4 few peers, 8 gateway closed. Then operations, of which the low three bits of the
// first byte say what they are; 0x38 which port inside, 0x40 IPv6:
//   0 datagram  remote 1, bytes 1, datagram size 1, hop limit 1     4 time      seconds 1
//   1 echo      remote 1, bytes 1                                   5 publish   0x80: take away
//   2 arrives   socket 1, remote 1, bytes 1, datagram size 1        6 errors    of the next calls: 1
//   3 fails     socket 1, remote 1, type 1, code 1                  7 turn      0x80: the burst only ends
#include "postern/flow/datagram_engine.h"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <map>
#include <memory>

#include "fuzz_input.h"

using namespace postern;
using namespace std::chrono_literals;

namespace {

/// As the relay shows clients of published ports.
std::optional<IpAddress> stand_in_for(const IpAddress& client, const IpAddress&) {
  const std::string text = to_string(client);
  const auto begins = [&](std::string_view with) { return text.starts_with(with); };
  if (begins("10.0.2.") || begins("127.")) return Ipv4::of(10, 0, 2, 2);
  if (begins("fd00:") || begins("fe80:") || text == "::1") return *Ipv6::parse("fd00::2");
  return std::nullopt;
}

constexpr size_t kMostOperations = 4'000;
constexpr TimePoint kStart{std::chrono::hours(1)};

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

 private:
  wire::Bytes rest_;
};

class World final : private flow::DatagramGuest, private flow::DatagramHost {
 public:
  explicit World(uint8_t kind)
      : gateway_is_closed_((kind & 8) != 0),
        max_flows_((kind & 2) != 0 ? 3 : 64),
        engine_({.max_flows = max_flows_,
                 .max_echo = 8,
                 .max_peers = (kind & 4) != 0 ? size_t{2} : size_t{100},
                 .filtering = (kind & 1) != 0 ? flow::Filtering::full_cone : flow::Filtering::address_dependent,
                 .stand_in = stand_in_for,
                 .hash_key = {1, 2}},
                *this, *this) {}

  void operate(Script& script);
  void finish();

 private:
  struct Socket {
    uint32_t token;
    bool is_published = false;
    std::deque<std::pair<flow::HostEndpoint, std::pair<size_t, size_t>>> arrived = {};  // bytes, size of each
    std::deque<Failure> failures = {};
  };

  static IpAddress remote(uint8_t number, bool v6, bool inside) {
    if (v6) {
      constexpr const char* kAddresses[] = {"2001:db8::1", "2001:db8::2", "fd00::2", "::1", "fe80::1", "fd00::3"};
      const char* address = kAddresses[number % std::size(kAddresses)];
      return *Ipv6::parse(inside && number % std::size(kAddresses) == 3 ? "2001:db8::3" : address);
    }
    if (number % 8 == 6) return Ipv4::of(10, 0, 2, 2);
    if (number % 8 == 7) return inside ? Ipv4::of(10, 0, 2, 3) : Ipv4::of(127, 0, 0, static_cast<uint8_t>(1 + number % 3));
    return Ipv4::of(198, 51, 100, number);
  }
  static Port port_of(uint8_t number) { return Port{static_cast<uint16_t>(number % 4 == 0 ? 53 : 1000 + number % 4)}; }
  flow::DatagramEnds ends(uint8_t first, uint8_t number, flow::DatagramKind kind) const {
    const bool v6 = (first & 0x40) != 0;
    const IpAddress guest = v6 ? IpAddress(*Ipv6::parse("fd00::64")) : IpAddress(Ipv4::of(10, 0, 2, 100));
    const Port remote_port = kind == flow::DatagramKind::udp ? port_of(number) : Port{};
    return {kind, {guest, Port{static_cast<uint16_t>(1 + (first >> 3 & 7))}, remote(number, v6, true), remote_port}, {}, {}};
  }
  std::pair<const int, Socket>* socket(uint8_t number) {
    return sockets_.empty() ? nullptr : &*std::next(sockets_.begin(), number % static_cast<ptrdiff_t>(sockets_.size()));
  }
  void datagram(uint8_t first, Script& script, flow::DatagramKind kind);
  void arrives(uint8_t first, Script& script);
  void fails(uint8_t first, Script& script);
  void publish(uint8_t first);
  void check() const;
  void check_flows() const;

  void transmit(const flow::DatagramEnds& ends, std::span<const iovec> payload, size_t segment_bytes) override;
  void report(const flow::DatagramEnds& ends, const wire::IcmpError&, const std::optional<IpAddress>& offender,
              wire::Bytes) override {
    POSTERN_ASSERT(!offender || offender->index() == ends.key.guest.index());
    POSTERN_ASSERT(ends.key.remote.index() == ends.key.guest.index());
  }
  void expect_answer(const flow::DatagramEnds&) override {}
  Opening open(const flow::DatagramEnds&, const flow::HostEndpoint&, uint32_t token) override {
    if (error_ == EMFILE) return {.socket = -1, .error = std::exchange(error_, 0)};
    sockets_.emplace(next_socket_, Socket{token});
    return {.socket = next_socket_++};
  }
  void close(int socket) override { POSTERN_ASSERT(sockets_.erase(socket) == 1); }
  std::optional<flow::HostEndpoint> destination(const IpAddress& remote, Port port) override {
    if (remote == IpAddress(Ipv4::of(10, 0, 2, 2)) || remote == IpAddress(Ipv4::of(10, 0, 2, 3))) {
      if (gateway_is_closed_) return std::nullopt;
      return flow::HostEndpoint{Ipv4::of(127, 0, 0, 1), port};
    }
    return flow::HostEndpoint{remote, port};
  }
  int send(int socket, std::span<const Outgoing> datagrams) override;
  Batch receive(int socket) override;
  std::optional<Failure> failure(int socket) override;
  void trim() override {}

  bool gateway_is_closed_;
  size_t max_flows_;
  TimePoint now_ = kStart;
  int next_socket_ = 3, error_ = 0;
  std::map<int, Socket> sockets_;
  std::deque<std::vector<uint8_t>> burst_;
  std::vector<std::vector<uint8_t>> current_;
  std::vector<Incoming> batch_;
  flow::DatagramEngine engine_;
};

void World::datagram(uint8_t first, Script& script, flow::DatagramKind kind) {
  const uint8_t number = script.byte();
  auto& bytes = burst_.emplace_back(script.byte() * size_t{17});
  const bool is_echo = kind == flow::DatagramKind::echo;
  if (is_echo) bytes.resize(bytes.size() + 8);
  flow::GuestDatagram datagram{.ends = ends(first, number, kind), .payload = bytes};
  if (!is_echo) datagram.segment_bytes = script.byte();
  if (!is_echo) datagram.hop_limit = script.byte();
  engine_.input(datagram, now_);
}

void World::arrives(uint8_t first, Script& script) {
  auto* const at = socket(script.byte());
  const uint8_t number = script.byte(), bytes = script.byte(), size = script.byte();
  if (!at) return;
  const flow::HostEndpoint from{remote(number, (first & 0x40) != 0, false), port_of(number)};
  at->second.arrived.push_back({from, {bytes * size_t{33}, size}});
  engine_.host_ready(at->second.token, {.readable = true}, now_);
}

void World::fails(uint8_t first, Script& script) {
  auto* const at = socket(script.byte());
  const uint8_t number = script.byte(), type = script.byte(), code = script.byte();
  if (!at) return;
  const bool v6 = (first & 0x40) != 0;
  at->second.failures.push_back(
      Failure{{remote(number, v6, false), port_of(number)}, {type, code, 1280}, remote(code, v6, false), {}});
  engine_.host_ready(at->second.token, {.failed = true}, now_);
}

void World::publish(uint8_t first) {
  if ((first & 0x80) != 0) {
    const auto published = std::ranges::find_if(sockets_, [](const auto& each) { return each.second.is_published; });
    if (published != sockets_.end()) engine_.unpublish(published->second.token);
    return;
  }
  if (sockets_.size() > 200) return;
  const flow::DatagramEnds guest = ends(first, 0, flow::DatagramKind::udp);
  const auto token = engine_.publish({.guest = guest.key.guest,
                                      .guest_port = guest.key.guest_port,
                                      .socket = next_socket_,
                                      .is_way_out = guest.key.guest_port.number % 2 == 0,
                                      .guest_mac = {},
                                      .gateway_mac = {}});
  if (token) sockets_.emplace(next_socket_++, Socket{.token = *token, .is_published = true});
}

void World::operate(Script& script) {
  const uint8_t first = script.byte();
  constexpr int kErrors[] = {0, EAGAIN, EINVAL, EIO, EMSGSIZE, ECONNREFUSED, ENETUNREACH, EMFILE};
  switch (first & 7) {
    case 0: datagram(first, script, flow::DatagramKind::udp); break;
    case 1: datagram(first, script, flow::DatagramKind::echo); break;
    case 2: arrives(first, script); break;
    case 3: fails(first, script); break;
    case 4:
      now_ += std::chrono::seconds(script.byte());
      engine_.run(now_);
      break;
    case 5: publish(first); break;
    case 6: error_ = kErrors[script.byte() % std::size(kErrors)]; break;
    case 7: (first & 0x80) != 0 ? engine_.end_burst(now_) : engine_.run(now_); break;
  }
  if ((first & 7) == 7 || (first & 7) == 4) burst_.clear();
  check();
}

void World::check() const {
  const size_t published =
      static_cast<size_t>(std::ranges::count_if(sockets_, [](const auto& each) { return each.second.is_published; }));
  POSTERN_ASSERT(engine_.open_flows() <= max_flows_);
  POSTERN_ASSERT(sockets_.size() == engine_.open_flows() + published);
}

/// What is told of has a socket that is open, and so has the way of its next datagram.
void World::check_flows() const {
  engine_.for_each_flow(now_, [this](const flow::DatagramEngine::Flow& flow) {
    POSTERN_ASSERT(sockets_.contains(flow.socket));
    const auto way = engine_.way_of(flow.ends.kind, flow.ends.key);
    POSTERN_ASSERT(!way || sockets_.contains(way->socket));
  });
}

void World::finish() {
  check_flows();
  for (int turns = 0; turns < 10'000 && engine_.has_work(); ++turns) engine_.run(now_);
  POSTERN_ASSERT(!engine_.has_work());
  for (int steps = 0; engine_.next_deadline(); ++steps) {
    POSTERN_ASSERT(steps < 10'000);
    now_ = std::max(now_ + 1ms, *engine_.next_deadline());
    engine_.run(now_);
  }
  POSTERN_ASSERT(engine_.open_flows() == 0);
  POSTERN_ASSERT(now_ < kStart + 1200h);
  check();
}

void World::transmit(const flow::DatagramEnds& ends, std::span<const iovec> payload, size_t segment_bytes) {
  POSTERN_ASSERT(ends.key.remote.index() == ends.key.guest.index());
  POSTERN_ASSERT(ends.key.remote != IpAddress(Ipv4::of(127, 0, 0, 1)) && ends.key.remote != IpAddress(*Ipv6::parse("::1")));
  POSTERN_ASSERT(!payload.empty() && payload.size() <= 64);
  size_t bytes = 0;
  for (const iovec& piece : payload) bytes += piece.iov_len;
  for (const iovec& piece : payload.first(payload.size() - 1)) POSTERN_ASSERT(piece.iov_len % segment_bytes == 0);
  POSTERN_ASSERT(bytes <= 65'535);
}

int World::send(int socket, std::span<const Outgoing> datagrams) {
  POSTERN_ASSERT(sockets_.contains(socket) && !datagrams.empty());
  for (const Outgoing& datagram : datagrams) {
    size_t bytes = 0;
    for (const iovec& piece : datagram.payload) {
      const auto* const begin = static_cast<const uint8_t*>(piece.iov_base);
      const bool is_of_burst = piece.iov_len == 0 || std::ranges::any_of(burst_, [&](const std::vector<uint8_t>& each) {
                                 return begin >= each.data() && begin + piece.iov_len <= each.data() + each.size();
                               });
      POSTERN_ASSERT(is_of_burst);
      bytes += piece.iov_len;
    }
    POSTERN_ASSERT(datagram.segment_bytes == 0 || datagram.segment_bytes < bytes);
  }
  if (error_ != 0) return -std::exchange(error_, 0);
  return static_cast<int>((datagrams.size() + 1) / 2);
}

flow::DatagramHost::Batch World::receive(int socket) {
  auto& arrived = sockets_.at(socket).arrived;
  current_.clear();
  batch_.clear();
  std::vector<std::pair<flow::HostEndpoint, size_t>> taken;
  for (; !arrived.empty() && taken.size() < 4; arrived.pop_front()) {
    const auto& [from, sizes] = arrived.front();
    taken.emplace_back(from, sizes.first > sizes.second ? sizes.second : 0);
    current_.emplace_back(sizes.first);
  }
  for (size_t i = 0; i < taken.size(); ++i) batch_.push_back({taken[i].first, current_[i], taken[i].second});
  return {batch_, arrived.empty()};
}

std::optional<flow::DatagramHost::Failure> World::failure(int socket) {
  auto& failures = sockets_.at(socket).failures;
  if (failures.empty()) return std::nullopt;
  const Failure first = failures.front();
  failures.pop_front();
  return first;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Script script(data, size);
  World world(script.byte());
  for (size_t operations = 0; operations < kMostOperations && !script.is_over(); ++operations) world.operate(script);
  world.finish();
  return 0;
}
