// remote_program.cpp - what the remotes of remote_host.h do, by their plans.
#include <fmt/format.h>

#include <cerrno>

#include "remote_host.h"

namespace postern::chaos {

namespace {

using namespace std::chrono_literals;

}  // namespace

Duration RemoteHost::pause(const Plan& plan) {
  return dice_.chance(plan.dawdles) ? dice_.between(50ms, 900ms) : dice_.between(0us, 400us);
}

void RemoteHost::tell(const Socket& socket, flow::TcpEngine::Readiness readiness) {
  if (!socket.is_closed) edges_.push_back({socket.token, readiness});
}

void RemoteHost::pass(TimePoint now) {
  now_ = now;
  const auto is_due = [now](std::optional<TimePoint>& at) {
    const bool due = at && *at <= now;
    if (due) at.reset();
    return due;
  };
  for (auto* sockets : {&sockets_, &lingering_}) {
    for (auto& [number, socket] : *sockets) {
      if (is_due(socket.connects_at)) connect(socket, now);
      if (is_due(socket.drains_at)) drain(socket, now);
      if (is_due(socket.produces_at)) produce(socket, now);
      if (is_due(socket.aborts_at)) abort(socket);
    }
  }
  std::erase_if(lingering_, [](const auto& each) { return !each.second.drains_at; });
}

std::optional<TimePoint> RemoteHost::deadline() const {
  if (!edges_.empty()) return now_;
  std::optional<TimePoint> first;
  for (const auto* sockets : {&sockets_, &lingering_}) {
    for (const auto& [number, socket] : *sockets) {
      for (const auto& at : {socket.connects_at, socket.drains_at, socket.produces_at, socket.aborts_at}) {
        if (at && (!first || *at < *first)) first = at;
      }
    }
  }
  return first;
}

std::vector<RemoteHost::Edge> RemoteHost::take_edges() { return std::exchange(edges_, {}); }

/// The remote reads some of what the engine sent.
void RemoteHost::drain(Socket& socket, TimePoint now) {
  if (socket.broken) return;
  Fate& fate = fate_of(socket);
  const uint64_t some = std::min(socket.sent - socket.drained, dice_.magnitude(1, 300'000));
  socket.drained += some;
  fate.received_bytes = socket.drained;
  const uint64_t room = socket.capacity - (socket.sent - socket.drained);
  if (socket.wants_room && room >= socket.capacity / 3) {  // sk_stream_write_space()
    socket.wants_room = false;
    tell(socket, {.writable = true});
  }
  if (socket.sent != socket.drained) {
    socket.drains_at = now + pause(plan_of(socket));
  } else if (socket.shut && !fate.heard_end) {
    fate.heard_end = true;
    if (plan_of(socket).remote_closes_last && !socket.produces_at) socket.produces_at = now;
  }
}

bool RemoteHost::may_end(const Socket& socket) const {
  const Plan& plan = plan_of(socket);
  return socket.produced == plan.down_bytes && (!plan.remote_closes_last || fates_[socket.plan][socket.fate].heard_end);
}

/// The remote writes some, or ends.
void RemoteHost::produce(Socket& socket, TimePoint now) {
  if (socket.broken || socket.ended) return;
  const Plan& plan = plan_of(socket);
  const uint64_t some = std::min(plan.down_bytes - socket.produced, dice_.magnitude(1, 300'000));
  socket.produced += some;
  socket.ended = may_end(socket);
  if (some != 0 || socket.ended) tell(socket, {.readable = true, .writable = !socket.wants_room, .ended = socket.ended});
  if (socket.produced < plan.down_bytes) socket.produces_at = now + pause(plan);
}

void RemoteHost::abort(Socket& socket) {
  if (socket.broken) return;
  socket.broken = true;
  socket.error = ECONNRESET;
  fate_of(socket).aborted = true;
  if (dice_.chance(5'000)) socket.produced = socket.received;  // nothing of it had arrived
  tell(socket, {.readable = true, .writable = true, .ended = true});
}

std::string RemoteHost::describe(size_t plan) const {
  std::string text;
  for (const auto& [number, socket] : sockets_) {
    if (socket.plan != plan) continue;
    text += fmt::format("socket {}: sent {} drained {} of {} produced {} received {} shut {} ended {} broken {} wants room {}",
                        number, socket.sent, socket.drained, socket.capacity, socket.produced, socket.received, socket.shut,
                        socket.ended, socket.broken, socket.wants_room);
  }
  return text.empty() ? "no socket" : text;
}

}  // namespace postern::chaos
