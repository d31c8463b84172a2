// host_input.cpp - the host's sockets can be read: their bytes go to the namespace, and are retained until it has acknowledged
// them.
#include <cerrno>
#include <utility>

#include "postern/base/assert.h"

#include "connections.h"

namespace postern::flow {

namespace {

constexpr size_t kSmall = 2048;  // is copied, so that the large chunk in the processor's cache can be read into again
constexpr size_t kSmallUnderPressure = size_t{16} * 1024;

}  // namespace

void TcpEngine::Connections::pull(TcpFlow& flow) {
  const Sequence before_it = flow.sender.max();
  const size_t in_a_turn = ReadRoom::kMostFrames * most_in_a_frame(flow);
  while (flow.can_read && flow.state == State::established) {
    const auto taken = static_cast<size_t>(flow.sender.max() - before_it);
    if (taken >= in_a_turn) return queue_.add_again(flow);
    if (!pull_once(flow, in_a_turn - taken)) return;
  }
}

/// By one read. False: nothing more can be done now.
bool TcpEngine::Connections::pull_once(TcpFlow& flow, size_t most_bytes) {
  flush_gathered(flow);  // or the first frame does: if the host's socket is then found dead, what was read would be lost
  if (!flow.can_read || flow.state != State::established) return false;
  const bool has_ended = flow.sender.is_finished();
  const size_t frame_bytes = most_in_a_frame(flow);
  const size_t most_frames = flow.reads_are_large ? ReadRoom::kMostFrames : 1;
  size_t most = has_ended ? 0 : std::min<size_t>({flow.sender.room(), most_bytes, most_frames * frame_bytes});
  if (most == 0) {
    if (!has_ended) flow.sender.waits_for_window(now_);
    look_for_failure(flow);
    return false;
  }
  if (pool_.pressure() != Pressure::none && !flow.host_failed) {
    if (flow.retained.bytes() >= kBudgetUnderPressure) return false;  // its acknowledgment wakes us
    most = std::min<size_t>(most, kBudgetUnderPressure - flow.retained.bytes());
  }
  const size_t segment = flow.sender.segment_bytes();
  if (most > segment) most -= most % segment;
  flow.starved = !has_memory_to_read(flow);
  if (flow.starved) {
    flow.starved_at = now_;
    return false;
  }
  const auto room = read_room_.prepare(pool_, most, frame_bytes);
  most = std::min(most, room.size() * frame_bytes);  // what fills less room is no sign that there is no more
  const ssize_t result = host_.receive(flow.socket, room);
  if (result <= 0) {
    host_stopped(flow, result);
    return false;
  }
  const auto bytes = static_cast<size_t>(result);
  if (bytes < most && !flow.reads_stop_short) flow.can_read = false;
  flow.reads_are_large = bytes >= frame_bytes / 4;
  pulled_bytes_ += bytes;
  queue_.charge(flow, bytes);
  flow.carried_to_guest += bytes;
  counters_.bytes_to_guest += bytes;
  give_to_guest(flow, room, bytes, bytes < most ? Behind::nothing : Behind::more);
  return flow.state == State::established;
}

/// `bytes` of `frames`, which are read_room_'s chunks.
void TcpEngine::Connections::give_to_guest(TcpFlow& flow, std::span<const iovec> frames, size_t bytes, Behind behind) {
  for (size_t i = 0; bytes != 0; ++i) {
    const iovec payload{frames[i].iov_base, std::min(bytes, frames[i].iov_len)};
    bytes -= payload.iov_len;
    const Sequence begin = flow.sender.max();
    flow.sender.sent_new(static_cast<uint32_t>(payload.iov_len), now_);
    const bool last_for_now = bytes == 0 && (behind == Behind::nothing || flow.sender.room() == 0);
    transmit(flow, begin, static_cast<uint8_t>(wire::tcp_flag::ack | (last_for_now ? wire::tcp_flag::psh : 0)), {&payload, 1});
    POSTERN_ASSERT(flow.state == State::established);
    keep(flow, begin, read_room_.chunk(i), payload.iov_len);
  }
}

/// The last of it is for what the namespace sends, which has been sent already; and for what stands before a reset: it is read
/// now or never.
bool TcpEngine::Connections::has_memory_to_read(const TcpFlow& flow) {
  const auto has = [&] { return read_room_.is_ready(pool_) && (flow.host_failed || pool_.pressure() != Pressure::critical); };
  return has() || (forget_early() && has());
}

void TcpEngine::Connections::keep(TcpFlow& flow, Sequence begin, Chunk& chunk, size_t bytes) {
  const size_t worth_copying = pool_.pressure() == Pressure::none ? kSmall : kSmallUnderPressure;
  if (bytes <= worth_copying && flow.retained.append(begin, pool_, chunk.bytes().first(bytes))) return;
  flow.retained.append(begin, std::move(chunk), bytes);
}

/// Nothing for now, the end, or an error.
void TcpEngine::Connections::host_stopped(TcpFlow& flow, ssize_t result) {
  flow.can_read = false;
  if (result == -EAGAIN || flow.host_failed) return;  // an error is told once: behind it there seems to be an end
  if (result < 0 || flow.was_reset) return host_failed(flow);
  flow.sender.finish();
  send_again(flow);  // the FIN
  if (flow.state == State::established) look_for_failure(flow);
}

/// A reset is told though nothing can be read, for the window is closed or the remote has said its end, as it would have been end
/// to end.
void TcpEngine::Connections::look_for_failure(TcpFlow& flow) {
  if (std::exchange(flow.may_have_failed, false) && (flow.was_reset || host_.outcome(flow.socket) != 0)) host_failed(flow);
}

}  // namespace postern::flow
