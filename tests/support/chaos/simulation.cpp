#include "simulation.h"

#include <fmt/format.h>

#include "postern/wire/checksum.h"
#include "postern/wire/ethernet.h"
#include "postern/wire/ip.h"
#include "postern/wire/tcp_frame.h"

namespace postern::chaos {

namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{std::chrono::hours(100)};
constexpr Mac kGuestMac{{2, 0, 0, 0, 0, 1}}, kGatewayMac{{2, 0, 0, 0, 0, 2}};
constexpr Duration kPatience = 30min;  // for a connection; backed off timeouts go by in it
constexpr Duration kAfterwards = 3h;   // until whoever is left has been probed
constexpr uint64_t kMostStepsAtOneTime = 100'000;

struct Parsed {
  flow::FlowKey key;
  wire::EthernetFrame ethernet;
  wire::TcpSegment tcp;
};

/// What a kernel makes of the frame. Nothing: it would throw it away.
std::optional<Parsed> parse(wire::Bytes frame, bool vnet) {
  if (vnet) {
    if (frame.size() < wire::VnetHeader::kBytes) return std::nullopt;
    frame = frame.subspan(wire::VnetHeader::kBytes);
  }
  const auto ethernet = wire::EthernetFrame::parse(frame);
  const auto ip = ethernet ? wire::IpPacket::parse(ethernet->payload) : std::nullopt;
  if (!ip || ip->protocol != wire::Protocol::tcp || !ip->header_checksum_ok()) return std::nullopt;
  const uint64_t pseudo = wire::pseudo_header(ip->source, ip->destination, ip->protocol, ip->payload.size());
  if (!vnet && wire::finish(wire::sum(ip->payload, pseudo)) != 0) return std::nullopt;
  const auto tcp = wire::TcpSegment::parse(ip->payload);
  if (!tcp) return std::nullopt;
  return Parsed{{ip->source, tcp->source, ip->destination, tcp->destination}, *ethernet, *tcp};
}

flow::FlowKey turned(const flow::FlowKey& key) { return {key.remote, key.remote_port, key.guest, key.guest_port}; }

}  // namespace

Simulation::Simulation(uint64_t seed)
    : dice_(seed),
      world_(make_world(dice_)),
      plans_(make_plans(dice_, world_)),
      now_(kStart),
      up_(world_.faults, world_.latency, dice_.any(), wire::EthernetFrame::kHeaderBytes),
      down_(world_.faults, world_.latency, dice_.any(), wire::EthernetFrame::kHeaderBytes),
      remote_(plans_, dice_.any()),
      engine_(
          {.mtu_bytes = world_.mtu_bytes, .payload_memory_bytes = world_.memory_bytes, .hash_key = {dice_.any(), dice_.any()}},
          *this, remote_) {
  for (const Plan& plan : plans_) {
    peers_.emplace_back(plan, dice_.any(), [this, &plan](const PeerTcp::Segment& segment) { send_up(plan, segment); });
  }
}

uint64_t Simulation::moved_bytes() const {
  uint64_t bytes = 0;
  for (size_t i = 0; i < plans_.size(); ++i) {
    if (peers_[i].is_done()) bytes += plans_[i].up_bytes + plans_[i].down_bytes;
  }
  return bytes;
}

// ---- frames

/// `data` is one segment, or on a line with vnet headers a superframe.
void Simulation::put(FaultyLine& line, const wire::TcpFrame& frame, wire::Bytes data, size_t segment_bytes) {
  std::vector<uint8_t> bytes(wire::kMaxTcpFrameHeaders);
  bytes.resize(world_.vnet ? store_tcp_headers(bytes, frame, data.size(), segment_bytes)
                           : store_tcp_headers_complete(bytes, frame, data));
  bytes.insert(bytes.end(), data.begin(), data.end());
  line.take(bytes, now_);
}

void Simulation::transmit(const wire::TcpFrame& frame, std::span<const iovec> payload, size_t segment_bytes) {
  std::vector<uint8_t> data;
  for (const iovec& piece : payload) {
    const auto* begin = static_cast<const uint8_t*>(piece.iov_base);
    data.insert(data.end(), begin, begin + piece.iov_len);
  }
  if (world_.vnet || data.size() <= segment_bytes) return put(down_, frame, data, segment_bytes);
  wire::TcpFrame segment = frame;
  for (size_t done = 0; done < data.size(); done += segment_bytes) {
    const size_t some = std::min(segment_bytes, data.size() - done);
    const bool last = done + some == data.size();
    segment.sequence = frame.sequence + static_cast<uint32_t>(done);
    segment.flags = last ? frame.flags : static_cast<uint8_t>(frame.flags & ~(wire::tcp_flag::fin | wire::tcp_flag::psh));
    put(down_, segment, wire::Bytes(data).subspan(done, some), segment_bytes);
  }
}

void Simulation::refuse(const Attempt& attempt, flow::Refusal) {
  for (size_t i = 0; i < plans_.size(); ++i) {
    if (plans_[i].key == attempt.key) peers_[i].refuse();
  }
}

void Simulation::send_up(const Plan& plan, const PeerTcp::Segment& segment) {
  std::array<uint8_t, wire::kMaxTcpOptionBytes> options{};
  const bool is_syn = (segment.flags & wire::tcp_flag::syn) != 0;
  const size_t bytes =
      is_syn ? wire::store_syn_options(options, segment.options) : wire::store_sack(options, segment.options.blocks());
  const wire::TcpFrame frame{.destination_mac = kGatewayMac,
                             .source_mac = kGuestMac,
                             .source = plan.key.guest,
                             .destination = plan.key.remote,
                             .source_port = plan.key.guest_port,
                             .destination_port = plan.key.remote_port,
                             .sequence = segment.sequence,
                             .acknowledgment = segment.acknowledgment,
                             .flags = segment.flags,
                             .window = segment.window,
                             .options = wire::Bytes(options).first(bytes)};
  put(up_, frame, segment.payload, plan.mss);
}

void Simulation::deliver_up() {
  std::vector<FaultyLine::Frame> burst;  // the engine may read them until it ends
  while (auto frame = up_.due(now_)) {
    burst.push_back(std::move(*frame));
    if (const auto parsed = parse(burst.back(), world_.vnet)) {
      engine_.input({parsed->key, parsed->ethernet.source, parsed->ethernet.destination, parsed->tcp}, now_);
    }
    if (dice_.chance(1'000)) engine_.end_burst(now_);
  }
  engine_.end_burst(now_, dice_.chance(3'000) ? flow::Behind::more : flow::Behind::nothing);
}

void Simulation::deliver_down() {
  while (auto frame = down_.due(now_)) {
    const auto parsed = parse(*frame, world_.vnet);
    if (!parsed) continue;
    for (size_t i = 0; i < plans_.size(); ++i) {
      if (plans_[i].key == turned(parsed->key)) peers_[i].receive(parsed->tcp, now_);
    }
  }
}

// ---- time

/// False: nothing will ever happen again.
bool Simulation::step() {
  std::optional<TimePoint> next;
  const auto consider = [&](const std::optional<TimePoint>& at) {
    if (at && (!next || *at < *next)) next = at;
  };
  consider(up_.next_due());
  consider(down_.next_due());
  consider(remote_.deadline());
  consider(engine_.next_deadline());
  if (engine_.has_work()) consider(now_ + 2us);
  for (const PeerTcp& peer : peers_) consider(peer.deadline());
  if (!next) return false;
  idle_steps_ = *next > now_ ? 0 : idle_steps_ + 1;
  now_ = std::max(now_, *next);
  remote_.pass(now_);
  for (const auto& edge : remote_.take_edges()) engine_.host_ready(edge.token, edge.readiness, now_);
  deliver_up();
  engine_.run(now_);
  deliver_down();
  for (PeerTcp& peer : peers_) peer.pass(now_);
  return true;
}

std::string Simulation::run_until(const std::function<bool()>& done, Duration limit) {
  const TimePoint end = now_ + limit;
  while (!done()) {
    if (now_ > end) return "stuck: " + state();
    if (!step()) return "asleep for ever: " + state();
    if (idle_steps_ > kMostStepsAtOneTime) return "spins: " + state();
  }
  return {};
}

bool Simulation::all_are_over() const {
  return std::ranges::all_of(peers_, [](const PeerTcp& peer) { return peer.is_over() || !peer.complaint().empty(); }) ||
         !remote_.complaint().empty();
}

std::string Simulation::run() {
  std::string wrong = run_until([this] { return all_are_over(); }, kPatience);
  if (!wrong.empty()) return wrong;
  up_.heal();
  down_.heal();
  wrong = run_until(
      [this] { return engine_.open_flows() == 0 && remote_.open_sockets() == 0 && engine_.payload_memory_in_use() == 0; },
      kAfterwards);
  const std::string judged = verdict();
  return judged.empty() && !wrong.empty() ? "afterwards " + wrong : judged;
}

// ---- what came of it

std::string Simulation::verdict_on(size_t number) const {
  const PeerTcp& peer = peers_[number];
  const Plan& plan = plans_[number];
  if (!peer.complaint().empty()) return peer.complaint();
  bool whole = false;
  for (const auto& fate : remote_.fates(number)) {
    if (fate.heard_end && fate.received_bytes != plan.up_bytes) return "the remote heard an end too early";
    whole |= fate.heard_end && !fate.heard_reset;
  }
  if (peer.state() == PeerTcp::State::refused) return {};
  const bool planned = plan.guest_aborts_after || plan.remote_aborts_after;
  if (planned) return {};
  if (!peer.is_done()) return "no orderly end";
  if (peer.received_bytes() != plan.down_bytes) return "not all bytes came down";
  return whole ? "" : "the remote has not got all bytes and an end";
}

std::string Simulation::verdict() const {
  if (!remote_.complaint().empty()) return remote_.complaint();
  for (size_t i = 0; i < plans_.size(); ++i) {
    if (const std::string wrong = verdict_on(i); !wrong.empty())
      return fmt::format("connection {}: {}; {}; {}", i, wrong, peers_[i].describe(), state());
  }
  return {};
}

std::string Simulation::state() const {
  const auto& counters = engine_.counters();
  std::string text =
      fmt::format("after {} ms, {} flows, {} of {} bytes of memory; {} mtu {} latency {} us; timeouts {} resets {} / {}",
                  (now_ - kStart) / 1ms, engine_.open_flows(), engine_.payload_memory_in_use(), world_.memory_bytes,
                  world_.vnet ? "vnet" : "bare", world_.mtu_bytes, world_.latency / 1us, counters.timeouts,
                  counters.resets_to_guest, counters.resets_from_guest);
  for (size_t i = 0; i < peers_.size(); ++i) {
    if (!peers_[i].is_over() || !remote_.describe(i).starts_with("no")) {
      text += fmt::format("\n  connection {}: {}\n    {}", i, peers_[i].describe(), remote_.describe(i));
    }
  }
  return text;
}

}  // namespace postern::chaos
