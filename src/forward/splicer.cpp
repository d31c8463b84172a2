#include "postern/forward/splicer.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "postern/base/socket_address.h"

#include "pipe_pool.h"
#include "pump.h"
#include "stream_socket.h"

namespace postern::forward {

namespace {

constexpr size_t kScratchBytes = size_t{256} * 1024;
constexpr uint32_t kEvents = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET;

/// What epoll gives back: which connection, and that it is still that one.
struct Token {
  static constexpr uint32_t kSlotBits = 20, kSlots = 1 << kSlotBits;

  bool is_inside;
  uint32_t slot;
  uint32_t generation;  // its low bits

  uint32_t packed() const { return generation << (kSlotBits + 1) | slot << 1 | uint32_t{is_inside}; }
  static Token unpack(uint32_t token) { return {(token & 1) != 0, token >> 1 & (kSlots - 1), token >> (kSlotBits + 1)}; }
  static uint32_t low_bits(uint32_t generation) { return generation & (UINT32_MAX >> (kSlotBits + 1)); }
};

int error_of(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

/// connect(2) could not begin, whatever the server would say. Mostly for want of a port: each connection that was ended by its
/// client keeps one for a minute in TIME_WAIT, and net.ipv4.tcp_tw_reuse, 2 by default, frees those between 127.0.0.1's alone.
bool lacks_means(int error) { return error == EADDRNOTAVAIL || error == EAGAIN || error == ENOBUFS; }

std::optional<std::chrono::microseconds> round_trip_of(const UniqueFd& socket) {
  const auto known = stack::ask_kernel(socket.get());
  return known ? known->round_trip : std::nullopt;
}

}  // namespace

/// waiting ─ a socket inside ─► connecting ─ connected ─► open ─ both directions have ended ─► gone
///                                  ├ refused: the client is reset
///                                  └ no port inside to connect from: by the other way
struct Splicer::Connection {
  enum class State { waiting, connecting, open } state = State::waiting;
  stack::Endpoint address;  // the client's
  stack::Forward forward;
  stack::Endpoint guest;
  SplicedEnd client, inside;
  Pump to_guest, to_client;
  bool is_queued = false;
  uint32_t generation = 0;
  TimePoint began;
};

Splicer::Splicer(loop::EventLoop& loop, std::unique_ptr<SocketSource> inside, std::function<void(Client)> otherwise)
    : loop_(loop),
      otherwise_(std::move(otherwise)),
      inside_(std::move(inside)),
      pipes_(std::make_unique<PipePool>(kMostPipes)),
      source_(loop.make_source([this](uint32_t token, uint32_t events) { on_event(token, events); })),
      bell_(loop, [this] { run_queue(); }),
      patience_(loop, [this] { lose_patience(); }) {
  inside_->tell([this] { serve_waiting(); });
}

/// A stream that is cut off must not look whole.
Splicer::~Splicer() {
  for (const auto& connection : slots_) {
    if (!connection) continue;
    if (!connection->to_client.has_ended()) set_reset(connection->client.socket.get());
    if (!connection->to_guest.has_ended() && connection->inside.socket) set_reset(connection->inside.socket.get());
  }
}

Result<std::unique_ptr<Splicer>> Splicer::create(loop::EventLoop& loop, const netns::NamespaceHandle& target,
                                                 std::function<void(Client)> otherwise) {
  POSTERN_TRY(inside, InsideSockets::create(loop, target), "splice");
  return std::make_unique<Splicer>(loop, std::move(inside), std::move(otherwise));
}

void Splicer::carry(Client client, const stack::Endpoint& guest) {
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const uint32_t slot = free_.back();
  free_.pop_back();
  slots_[slot] = std::make_unique<Connection>();
  Connection& connection = *slots_[slot];
  connection.generation = Token::low_bits(++last_generation_);
  connection.address = client.address;
  connection.forward = client.forward;
  connection.guest = guest;
  connection.client.socket = std::move(client.socket);
  connection.began = loop_.now();
  ++open_;
  waiting_.push_back(slot);
  serve_waiting();
}

/// In their order, as far as there are sockets. The time of those who are left begins with the last socket that came.
void Splicer::serve_waiting() {
  bool any = false;
  while (!waiting_.empty()) {
    const uint32_t slot = waiting_.front();
    Connection* connection = find(slot);
    const bool still_waits = connection && connection->state == Connection::State::waiting;
    if (still_waits) {
      connection->inside.socket = inside_->take(family_of(connection->guest.address));
      if (!connection->inside.socket && !inside_->has_ended()) {
        if (!std::exchange(somebody_waits_, true) || any) patience_.set(loop_.now() + kPatience);
        return;
      }
    }
    waiting_.pop_front();
    if (!still_waits) continue;
    any = true;
    if (connection->inside.socket) {
      connect(slot);
    } else {
      go_otherwise(slot);
    }
  }
  if (std::exchange(somebody_waits_, false)) patience_.cancel();
}

/// A source that answers, and has nothing to give for now, may stay.
void Splicer::lose_patience() {
  somebody_waits_ = false;
  if (inside_->is_silent(kPatience)) inside_->give_up("it does not answer");
  for (const uint32_t slot : std::exchange(waiting_, {})) {
    const Connection* connection = find(slot);
    if (connection && connection->state == Connection::State::waiting) go_otherwise(slot);
  }
}

void Splicer::go_otherwise(uint32_t slot) {
  Connection& connection = *slots_[slot];
  otherwise_({std::move(connection.client.socket), connection.address, connection.forward});
  end(slot, false);
}

/// The socket is watched only now: one that is not connected yet would tell of an end.
void Splicer::connect(uint32_t slot) {
  Connection& connection = *slots_[slot];
  const int inside = connection.inside.socket.get(), client = connection.client.socket.get();
  const SocketAddress guest(connection.guest.address, connection.guest.port);
  connection.state = Connection::State::connecting;
  const int error = ::connect(inside, guest.get(), guest.size()) == 0 ? 0 : errno;
  if (lacks_means(error)) return go_otherwise(slot);
  ++counters_.opened;
  if (error != 0 && error != EINPROGRESS) return refuse(slot);
  const bool watched = source_.watch(inside, kEvents, Token{true, slot, connection.generation}.packed()) &&
                       source_.watch(client, kEvents, Token{false, slot, connection.generation}.packed());
  if (!watched) end(slot, true);
}

void Splicer::on_event(uint32_t packed, uint32_t events) {
  const Token token = Token::unpack(packed);
  Connection* connection = find(token.slot);
  if (!connection || connection->generation != token.generation) return;
  (token.is_inside ? connection->inside : connection->client).take(events);
  if (connection->state == Connection::State::connecting) return look_at_attempt(token.slot);
  if (connection->state == Connection::State::open) pump(token.slot);
}

void Splicer::look_at_attempt(uint32_t slot) {
  Connection& connection = *slots_[slot];
  const SplicedEnd& inside = connection.inside;
  if (connection.client.has_failed) return end(slot, true);  // it has gone before the namespace has answered
  if (!inside.can_write && !inside.reads_stop_short) return;
  if (inside.reads_stop_short && error_of(inside.socket.get()) != 0) return refuse(slot);
  connection.state = Connection::State::open;
  pump(slot);
}

void Splicer::refuse(uint32_t slot) {
  ++counters_.refused;
  end(slot, true);
}

void Splicer::pump(uint32_t slot) {
  Connection& connection = *slots_[slot];
  SplicedEnd &client = connection.client, &inside = connection.inside;
  if (!scratch_) scratch_ = std::make_unique_for_overwrite<uint8_t[]>(kScratchBytes);
  const Pump::Tools tools{wire::MutableBytes(scratch_.get(), kScratchBytes), *pipes_};
  const uint64_t to_guest_before = connection.to_guest.bytes(), to_client_before = connection.to_client.bytes();
  const Pump::Outcome to_guest = connection.to_guest.run(client, inside, tools);
  const Pump::Outcome to_client = connection.to_client.run(inside, client, tools);
  counters_.bytes_to_guest += connection.to_guest.bytes() - to_guest_before;
  counters_.bytes_to_client += connection.to_client.bytes() - to_client_before;
  const auto is = [&](Pump::Outcome outcome) { return to_guest == outcome || to_client == outcome; };
  // What stood before an error has been read by now, or the other side does not take it.
  const bool failed =
      (client.has_failed && to_guest != Pump::Outcome::more) || (inside.has_failed && to_client != Pump::Outcome::more);
  if (is(Pump::Outcome::broken) || failed) return end(slot, true);
  if (connection.to_guest.has_ended() && connection.to_client.has_ended()) return end(slot, false);
  if (!is(Pump::Outcome::more) || connection.is_queued) return;
  connection.is_queued = true;
  queue_.push_back(slot);
  bell_.set(loop_.now() + Duration(1));  // at the end of the next turn, which does not wait
}

void Splicer::run_queue() {
  for (const uint32_t slot : std::exchange(queue_, {})) {
    Connection* connection = find(slot);
    if (!connection || !std::exchange(connection->is_queued, false)) continue;
    pump(slot);
  }
}

void Splicer::end(uint32_t slot, bool with_reset) {
  Connection& connection = *slots_[slot];
  for (const SplicedEnd* side : {&connection.client, &connection.inside}) {
    if (with_reset && side->socket) set_reset(side->socket.get());
  }
  slots_[slot].reset();  // its descriptors are closed, and so taken out of the epoll set
  free_.push_back(slot);
  if (--open_ != 0) return;
  slots_ = std::vector<std::unique_ptr<Connection>>();
  free_ = std::vector<uint32_t>();
  scratch_.reset();
  pipes_->trim();
}

bool Splicer::owes_clients() const {
  return std::any_of(slots_.begin(), slots_.end(), [](const auto& connection) {
    return connection && connection->state == Connection::State::open && !connection->to_client.has_ended();
  });
}

void Splicer::list(stack::Flows& found, size_t most) const {
  for (const auto& connection : slots_) {
    if (!connection) continue;
    ++found.total;
    if (found.flows.size() >= most) continue;
    stack::Flow flow;
    flow.direction = stack::Flow::Direction::inbound;
    flow.state = connection->state == Connection::State::open ? "ESTABLISHED" : "SYN_SENT";
    flow.guest_address = connection->guest.address;
    flow.guest_port = connection->guest.port;
    flow.remote = connection->address;
    flow.host = stack::own_end(connection->client.socket.get());
    flow.bytes_to_guest = connection->to_guest.kept_bytes();
    flow.bytes_to_remote = connection->to_client.kept_bytes();
    flow.carried_to_guest = connection->to_guest.bytes();
    flow.carried_to_remote = connection->to_client.bytes();
    flow.rtt_guest = round_trip_of(connection->inside.socket);
    flow.rtt_remote = round_trip_of(connection->client.socket);
    flow.age = std::chrono::duration_cast<std::chrono::milliseconds>(loop_.now() - connection->began);
    found.flows.push_back(std::move(flow));
  }
}

void Splicer::reset(const stack::Forward& forward) {
  for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
    const auto own = slots_[slot] ? stack::own_end(slots_[slot]->client.socket.get()) : std::nullopt;
    if (own && forward.is_by(*own)) end(slot, true);
  }
}

}  // namespace postern::forward
