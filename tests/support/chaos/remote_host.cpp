#include "remote_host.h"

#include <fmt/format.h>

#include <cerrno>

#include "postern/base/assert.h"

namespace postern::chaos {

namespace {

using namespace std::chrono_literals;

constexpr unsigned kRefused = 300, kAtOnce = 1'000;  // of 10 000 attempts

}  // namespace

void RemoteHost::complain(std::string what) {
  if (complaint_.empty()) complaint_ = std::move(what);
}

RemoteHost::Socket& RemoteHost::at(int number) {
  const auto found = sockets_.find(number);
  POSTERN_ASSERT(found != sockets_.end());  // the engine uses a socket that it has closed
  return found->second;
}

flow::HostSide::Opening RemoteHost::open(const flow::FlowKey& key, uint32_t token) {
  const auto plan = std::find_if(plans_.begin(), plans_.end(), [&](const Plan& each) { return each.key == key; });
  POSTERN_ASSERT(plan != plans_.end());
  if (dice_.chance(kRefused)) return {.socket = -1, .error = ECONNREFUSED};
  Socket socket{
      .plan = static_cast<size_t>(plan - plans_.begin()), .token = token, .capacity = dice_.magnitude(2'000, 1'000'000)};
  const bool at_once = dice_.chance(kAtOnce);
  if (!at_once) socket.connects_at = now_ + dice_.between(10us, 30ms);
  const int number = next_number_++;
  Socket& placed = sockets_.emplace(number, socket).first->second;
  if (at_once) connect(placed, now_);
  if (placed.broken) {
    sockets_.erase(number);
    return {.socket = -1, .error = ECONNREFUSED};
  }
  return {.socket = number, .error = at_once ? 0 : EINPROGRESS};
}

void RemoteHost::connect(Socket& socket, TimePoint now) {
  socket.connects_at.reset();
  if (dice_.chance(kRefused)) {
    socket.error = ECONNREFUSED;
    socket.broken = true;
    return tell(socket, {.readable = true, .writable = true, .ended = true});
  }
  socket.fate = fates_[socket.plan].size();
  fates_[socket.plan].emplace_back();
  socket.connected = true;
  socket.produces_at = now + pause(plan_of(socket));
  if (plan_of(socket).remote_aborts_after) socket.aborts_at = now + *plan_of(socket).remote_aborts_after;
  tell(socket, {.writable = true});
}

int RemoteHost::outcome(int number) { return take_error(at(number), 0); }

int RemoteHost::take_error(Socket& socket, int otherwise) {
  const int error = std::exchange(socket.error, 0);
  return error != 0 ? error : otherwise;
}

ssize_t RemoteHost::send(int number, std::span<const iovec> bytes) {
  Socket& socket = at(number);
  if (!socket.connected || socket.shut)
    complain(fmt::format("connection {}: a send {}", socket.plan, socket.shut ? "after its end" : "too early"));
  if (socket.broken) return -take_error(socket, EPIPE);
  size_t taken = 0;
  for (const iovec& piece : bytes) {
    const uint64_t room = socket.capacity - (socket.sent - socket.drained);
    const size_t some = std::min<size_t>(piece.iov_len, room);
    const wire::Bytes part(static_cast<const uint8_t*>(piece.iov_base), some);
    const Plan& plan = plan_of(socket);
    if (const auto wrong = Stream(plan.up_seed).first_wrong(socket.sent, part)) {
      complain(fmt::format("connection {}: the remote got a wrong byte at {}", socket.plan, *wrong));
    }
    socket.sent += some;
    taken += some;
    if (socket.sent > plan.up_bytes) complain(fmt::format("connection {}: the remote got {} bytes", socket.plan, socket.sent));
    if (some == piece.iov_len) continue;
    socket.wants_room = true;
    break;
  }
  if (taken != 0 && !socket.drains_at) socket.drains_at = now_ + pause(plan_of(socket));
  return taken != 0 || !socket.wants_room ? static_cast<ssize_t>(taken) : -EAGAIN;
}

ssize_t RemoteHost::receive(int number, std::span<const iovec> room) {
  Socket& socket = at(number);
  if (!socket.connected) complain(fmt::format("connection {}: a receive too early", socket.plan));
  POSTERN_ASSERT(!room.empty());
  size_t given = 0;
  for (const iovec& piece : room) {
    POSTERN_ASSERT(piece.iov_len != 0);
    const size_t some = std::min<size_t>(piece.iov_len, socket.produced - socket.received);
    Stream(plan_of(socket).down_seed).read(socket.received, {static_cast<uint8_t*>(piece.iov_base), some});
    socket.received += some;
    given += some;
  }
  if (given != 0) return static_cast<ssize_t>(given);
  if (socket.broken) return -take_error(socket, 0);  // 0: the error was told already, to whoever sent
  return socket.ended ? 0 : -EAGAIN;
}

void RemoteHost::shut_writing(int number) {
  Socket& socket = at(number);
  POSTERN_ASSERT(socket.connected && !socket.shut);
  socket.shut = true;
  if (!socket.drains_at) socket.drains_at = now_ + pause(plan_of(socket));
}

void RemoteHost::close(int number, Closing how) {
  Socket& socket = at(number);
  std::erase_if(edges_, [&](const Edge& edge) { return edge.token == socket.token && !dice_.chance(5'000); });  // some come late
  if (socket.connected && !socket.broken) {
    const bool unread = socket.produced != socket.received;
    Fate& fate = fate_of(socket);
    fate.heard_reset = how == Closing::reset || unread;  // tcp(7): what was not read is not lost in silence
    if (!fate.heard_reset) {
      socket.shut = socket.is_closed = true;
      socket.produces_at = socket.aborts_at = std::nullopt;
      if (!socket.drains_at) socket.drains_at = now_;
      lingering_.emplace(number, socket);
    }
  }
  sockets_.erase(number);
}

}  // namespace postern::chaos
