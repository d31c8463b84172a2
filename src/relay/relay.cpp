#include "postern/relay/relay.h"

#include <sched.h>
#include <sys/random.h>

#include <algorithm>
#include <array>

#include "postern/wire/vnet_header.h"

#include "fast_path.h"
#include "fragment_set.h"
#include "host_socket.h"
#include "pace.h"
#include "sightings.h"
#include "superframe.h"
#include "tap_port.h"

namespace postern::relay {

namespace {

constexpr size_t kMaxReadBytes = wire::VnetHeader::kBytes + FrameFilter::kMaxFrameBytes;
constexpr size_t kFrameAlignment = 64;
/// A burst's frames stay where they are until the engine has sent their data: there is room for all of a turn.
constexpr size_t kArenaBytes = Relay::kBytesPerTurn + Relay::kFramesPerTurn * kFrameAlignment + kMaxReadBytes;

Result<FilterConfig> filter_config(const stack::StackConfig& config, Engine engine) {
  FilterConfig filter{.addresses = config.addresses,
                      .host_loopback = config.host_loopback,
                      .reach = config.reach,
                      .dns = config.dns,
                      .ipv6 = config.ipv6,
                      .max_flows = config.max_flows,
                      .serves = engine};
  const auto size = static_cast<ssize_t>(sizeof filter.hash_key);
  if (::getrandom(filter.hash_key.data(), sizeof filter.hash_key, 0) != size) return fail_errno("getrandom");
  return filter;
}

FastPath::Framing framing_of(const wire::VnetHeader& vnet) {
  return {.checksum = vnet.needs_checksum ? FastPath::Checksum::right : FastPath::Checksum::unknown,
          .datagram_bytes = vnet.gso == wire::VnetHeader::Gso::udp ? vnet.segment_bytes : size_t{0}};
}

/// Of those that we may run on.
bool has_many_processors() {
  cpu_set_t mine;
  return ::sched_getaffinity(0, sizeof mine, &mine) == 0 && CPU_COUNT(&mine) > 1;
}

}  // namespace

Relay::Relay(loop::EventLoop& loop, FrameFilter filter)
    : loop_(loop),
      filter_(std::move(filter)),
      tap_(std::make_unique<TapPort>()),
      tidy_(loop, [this] { filter_.expire(loop_.now()); }),
      superframe_(std::make_unique<Superframe>()),
      arena_(std::make_unique_for_overwrite<uint8_t[]>(kArenaBytes)) {}

Relay::~Relay() = default;

Result<std::unique_ptr<Relay>> Relay::create(loop::EventLoop& loop, const stack::StackConfig& config, Engine engine,
                                             const Policy& policy) {
  POSTERN_TRY(filter, filter_config(config, engine), "relay");
  std::unique_ptr<Relay> relay(new Relay(loop, FrameFilter(filter)));
  POSTERN_TRY(stack, stack::SlirpStack::create(config, loop, *relay), "relay");
  relay->stack_ = std::move(stack);
  relay->addresses_ = config.addresses;
  if (has_many_processors()) relay->pace_ = std::make_unique<Pace>();
  if (engine == Engine::libslirp) return relay;
  relay->fast_ = std::make_unique<FastPath>(
      loop, *relay->tap_,
      FastPath::Config{.network = config,
                       .names = policy.names,
                       .datagrams = policy.datagrams,
                       .hash_key = filter.hash_key,
                       .client_spoke = [self = relay.get()](const IpAddress& client, Port port, Port guest_port) {
                         self->filter_.expect_answer(client, port, guest_port, self->loop_.now());
                       }});
  return relay;
}

Status Relay::connect(UniqueFd tap, const netns::TapMode& mode, std::function<void()> tap_gone) {
  tap_->open(std::move(tap), mode);
  tap_gone_ = std::move(tap_gone);
  tap_source_ = loop_.make_source([this](uint32_t, uint32_t) { tap_readable_ = true; });  // errors too: read() tells which
  return tap_source_.watch(tap_->fd(), EPOLLIN);
}

std::optional<Duration> Relay::patience() {
  std::optional<Duration> limit = stack_->prepare();
  if (!fast_) return limit;
  if (fast_->has_work()) return Duration::zero();
  if (const auto deadline = fast_->next_deadline()) {
    const Duration until = std::max(*deadline - Clock::now(), Duration::zero());
    limit = std::min(limit.value_or(until), until);
  }
  return limit;
}

Status Relay::turn() {
  POSTERN_CHECK(loop_.turn(patience(), pace_ ? pace_->polling() : Duration::zero()), "relay");
  const uint64_t bytes_before = tap_->bytes_carried();
  stack_->process();
  flush();
  if (tap_readable_) drain_tap();
  if (fast_) fast_->run(loop_.now(), others_flows());
  flush();
  if (pace_) pace_->note(loop_.waited(), tap_->bytes_carried() - bytes_before);
  return {};
}

void Relay::drain_tap() {
  tap_readable_ = false;
  size_t taken = 0, used = 0;
  auto behind = flow::Behind::more;
  for (int frames = 0; frames < kFramesPerTurn && taken < kBytesPerTurn; ++frames) {
    size_t bytes = 0;
    const wire::MutableBytes room(arena_.get() + used, kMaxReadBytes);
    const TapPort::Got got = tap_->read(room, bytes);
    if (got == TapPort::Got::end) return lose_tap();
    if (got == TapPort::Got::nothing) {
      behind = flow::Behind::nothing;
      break;
    }
    taken += bytes;
    if (take(room.first(bytes))) used += (bytes + kFrameAlignment - 1) / kFrameAlignment * kFrameAlignment;
  }
  if (fast_) fast_->end_burst(loop_.now(), behind);
}

/// A frame that was put together of fragments is the filter's, and lives until its next decision: the engines are done with it.
bool Relay::stays(const Verdict& verdict, wire::MutableBytes frame) {
  if (verdict.frame.data() == frame.data()) return true;
  fast_->end_burst(loop_.now());
  return false;
}

/// True: the frame must stay where it is until the burst ends.
bool Relay::take(wire::MutableBytes bytes) {
  if (tap_->framing() == netns::TapFraming::bare) return take_frame(bytes, {});
  const auto vnet = wire::VnetHeader::parse(bytes);
  return vnet && take_frame(bytes.subspan(wire::VnetHeader::kBytes), *vnet);
}

/// What became of a frame of the namespace's.
struct Relay::Carried {
  Sighting::Fate fate;
  Carrier carrier = Carrier::none;
  Drop drop{};         // refused, dropped: why
  bool stays = false;  // it must stay where it is until the burst ends
};

bool Relay::take_frame(wire::MutableBytes frame, const wire::VnetHeader& vnet) {
  if (sightings_) [[unlikely]]
    return take_shown(frame, vnet);
  return carry(frame, vnet).stays;
}

bool Relay::take_shown(wire::MutableBytes frame, const wire::VnetHeader& vnet) {
  sightings_->came(frame, vnet.gso != wire::VnetHeader::Gso::none ? vnet.segment_bytes : 0);
  const Carried carried = carry(frame, vnet);
  const bool has_reason = carried.fate == Sighting::Fate::dropped || carried.fate == Sighting::Fate::refused;
  sightings_->became(carried.fate, carried.carrier, has_reason ? std::optional(carried.drop) : std::nullopt);
  return carried.stays;
}

Relay::Carried Relay::carry(wire::MutableBytes frame, const wire::VnetHeader& vnet) {
  using Fate = Sighting::Fate;
  const auto drop = [this](Drop reason) {  // what passed the filter
    filter_.count(reason);
    return Carried{.fate = Fate::dropped, .drop = reason};
  };
  ++frames_from_guest_;
  const Verdict verdict = filter_.decide(frame, {loop_.now(), open_flows()});
  switch (verdict.action) {
    case Verdict::Action::pass: break;
    case Verdict::Action::refuse: frame_to_guest(verdict.frame); return {.fate = Fate::refused, .drop = verdict.drop};
    case Verdict::Action::absorbed: tidy_.set(loop_.now() + FragmentSet::kLifetime); return {.fate = Fate::absorbed};
    case Verdict::Action::drop: return {.fate = Fate::dropped, .drop = verdict.drop};
  }
  if (fast_) fast_->note_sender(verdict);
  if (fast_ && verdict.packet) {
    const auto* tcp = verdict.packet->as<wire::TcpSegment>();
    if (tcp && tcp->is_initial_syn()) fast_->make_room_beside(others_flows());
    switch (fast_->take(*verdict.packet, framing_of(vnet), loop_.now())) {
      case FastPath::Taker::engine: return {.fate = Fate::carried, .carrier = Carrier::fast, .stays = stays(verdict, frame)};
      case FastPath::Taker::names: return {.fate = Fate::carried, .carrier = Carrier::dns};
      case FastPath::Taker::bad_checksum: return drop(Drop::bad_checksum);
      case FastPath::Taker::malformed: return drop(Drop::malformed);
      case FastPath::Taker::stack: break;
    }
  }
  if (vnet.needs_checksum) wire::complete_checksum(verdict.frame);  // libslirp verifies every one
  stack_->input(verdict.frame);  // where TCP is its own, a superframe is one large segment to it; over IPv4, see offload_for()
  return {.fate = Fate::carried, .carrier = Carrier::libslirp};
}

void Relay::frame_to_guest(std::span<const uint8_t> frame) {
  ++frames_to_guest_;
  filter_.note_to_guest(frame, loop_.now());
  if (tap_->framing() == netns::TapFraming::bare) return write_tap({&frame, 1});
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
  tap_->write(std::span(vectors).first(parts.size()));
}

netns::TapMode Relay::tap_mode() const { return tap_->mode(); }

Relay::Counters Relay::counters() const {
  return {.frames_from_guest = frames_from_guest_,
          .frames_to_guest = frames_to_guest_ + (fast_ ? fast_->frames_to_guest() : 0),
          .writes_lost = tap_->writes_lost()};
}

const flow::DatagramEngine::Counters* Relay::datagram_counters() const {
  return fast_ ? &fast_->datagrams().engine().counters() : nullptr;
}

Status Relay::publish_udp(UniqueFd socket, const stack::Forward& forward) {
  if (!fast_) return fail(std::errc::operation_not_supported, "libslirp publishes its ports itself");
  if (auto published = fast_->datagrams().publish(std::move(socket), forward); !published) return published;
  filter_.published_udp().set(forward.guest_port.number);
  return {};
}

void Relay::unpublish_udp(const stack::Forward& forward) {
  if (!fast_) return;
  fast_->datagrams().unpublish(forward);
  if (!fast_->datagrams().publishes(forward.guest_port)) filter_.published_udp().reset(forward.guest_port.number);
}

const flow::TcpEngine::Counters* Relay::engine_counters() const { return fast_ ? &fast_->counters() : nullptr; }

std::optional<NameServiceState> Relay::name_service() const {
  return fast_ ? std::optional(fast_->name_service()) : std::nullopt;
}

size_t Relay::others_flows() const { return stack_->open_flows() + (flows_beside_ ? flows_beside_() : 0); }

bool Relay::has_room_for_client() {
  fast_->make_room_beside(others_flows());
  return fast_->has_room_for_client(loop_.now());
}

void Relay::accept_tcp(UniqueFd socket, const stack::Endpoint& client, const stack::Endpoint& guest) {
  fast_->accept(std::move(socket), client, guest, loop_.now());
}

void Relay::reset_clients(const stack::Forward& forward) {
  if (fast_) fast_->reset_clients(forward, loop_.now());
}

size_t Relay::open_flows() const { return stack_->open_flows() + (fast_ ? fast_->open_flows() : 0); }

stack::Flows Relay::flows(size_t most) const {
  stack::Flows found = stack_->flows(most);
  if (fast_) fast_->list(found, most);
  return found;
}

void Relay::change_watchers(const std::function<void(Sightings&)>& change) {
  if (!sightings_) sightings_ = std::make_unique<Sightings>();
  change(*sightings_);
  if (sightings_->has_nobody()) sightings_.reset();
  tap_->show_to(sightings_.get());
}

void Relay::set_witness(Witness* witness) {
  change_watchers([witness](Sightings& sightings) { sightings.set(witness); });
}
void Relay::set_recorder(Recorder* recorder) {
  change_watchers([recorder](Sightings& sightings) { sightings.set(recorder); });
}

std::optional<HostSocket> Relay::host_socket(const FlowName& flow) const {
  if (fast_) {
    if (const auto found = fast_->host_socket(flow)) return found;
  }
  return libslirps_socket(*stack_, addresses_, flow);
}

Status Relay::drain(const Patience& patience, const std::function<bool()>& give_up, const std::function<Others()>& others) {
  loop::EventLoop::Timer bell(loop_, [] {});
  const TimePoint begin = loop_.now();
  TimePoint moved = begin;
  tap_gone_ = nullptr;  // it is no news now
  while (fast_ && (fast_->owes_host() || others().owe) && !give_up()) {
    const TimePoint deadline = std::min(moved + patience.silence, begin + patience.in_all);
    if (loop_.now() >= deadline) break;
    bell.set(deadline);
    const auto given = [&] { return fast_->counters().bytes_to_host + others().bytes; };
    const uint64_t before = given();
    POSTERN_CHECK(turn(), "relay");
    if (given() != before) moved = loop_.now();
  }
  return {};
}

void Relay::abandon_tap() {
  if (tap_->is_open()) (void)netns::leave_to_namespace(tap_->fd());  // or the close takes longer
  tap_source_ = {};
  tap_->close();
}

void Relay::lose_tap() {
  tap_source_ = {};
  tap_->close();
  if (tap_gone_) tap_gone_();
}

}  // namespace postern::relay
