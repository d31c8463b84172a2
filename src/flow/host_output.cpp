// host_output.cpp - bytes from the namespace go to the host's sockets, gathered: what a burst brings for one connection is one
// call, whatever it brings for others in between.
#include <cerrno>

#include "connections.h"

namespace postern::flow {

/// `bytes` begin at `sequence`, which was the next; if what was gathered before them could not be kept, it is no longer.
void TcpEngine::Connections::gather(TcpFlow& flow, Sequence sequence, wire::Bytes bytes) {
  if (gathering_.is_full()) flush_gathered();
  if (flow.state == State::closed || sequence != flow.receiver.next()) return;
  gathering_.add(flow, bytes);
  grants_.charge(flow, bytes.size());
  flow.receiver.take(bytes.size());
}

void TcpEngine::Connections::flush_gathered() {
  for (TcpFlow* flow : gathering_.flows()) flush_gathered(*flow);
  gathering_.clear();
}

void TcpEngine::Connections::flush_gathered(TcpFlow& flow) {
  if (flow.gathered.pieces == 0) return;
  const auto vectors = gathering_.take(flow);
  size_t bytes = 0;
  for (const iovec& vector : vectors) bytes += vector.iov_len;
  send_to_host(flow, vectors, bytes);
}

/// What the host does not take now waits; what cannot wait, for want of memory, was not received.
void TcpEngine::Connections::send_to_host(TcpFlow& flow, std::span<iovec> vectors, size_t bytes) {
  size_t sent = 0;
  if (flow.can_write && flow.waiting.empty()) {
    const ssize_t result = host_.send(flow.socket, vectors);
    if (result < 0 && result != -EAGAIN) return host_failed(flow);
    sent = result > 0 ? static_cast<size_t>(result) : 0;
    counters_.bytes_to_host += sent;
    flow.carried_to_host += sent;
    if (sent < bytes) flow.can_write = false;
  }
  const size_t waited = flow.waiting.size();
  size_t passed = 0;
  for (const iovec& vector : vectors) {
    const size_t skip = std::min(vector.iov_len, sent - std::min(sent, passed));
    passed += vector.iov_len;
    if (skip == vector.iov_len) continue;
    const wire::Bytes rest(static_cast<const uint8_t*>(vector.iov_base) + skip, vector.iov_len - skip);
    if (!flow.waiting.append(pool_, rest)) break;
  }
  const size_t kept = sent + flow.waiting.size() - waited;  // of the last, perhaps a part
  if (kept < bytes) flow.receiver.give_back(bytes - kept);
  if (pool_.pressure() == Pressure::none) {
    flow.receiver.grow(flow.waiting.size());
  } else {
    flow.receiver.shrink_to(kBudgetUnderPressure);
  }
}

void TcpEngine::Connections::drain_waiting(TcpFlow& flow) {
  const bool had_waited = !flow.waiting.empty();
  while (flow.can_write && !flow.waiting.empty()) {
    std::array<iovec, Gathering::kMostPieces> vectors;
    const auto pieces = std::span(vectors).first(flow.waiting.gather(vectors).parts);
    size_t bytes = 0;
    for (const iovec& piece : pieces) bytes += piece.iov_len;
    const ssize_t result = host_.send(flow.socket, pieces);
    if (result < 0 && result != -EAGAIN) return host_failed(flow);
    if (result > 0) {
      flow.waiting.consume(static_cast<size_t>(result));
      counters_.bytes_to_host += static_cast<size_t>(result);
      flow.carried_to_host += static_cast<size_t>(result);
    }
    if (result < static_cast<ssize_t>(bytes)) flow.can_write = false;
  }
  if (had_waited && flow.receiver.has_news(flow.waiting.size())) want_acknowledgment(flow);
  shut_writing_if_done(flow);
}

void TcpEngine::Connections::shut_writing_if_done(TcpFlow& flow) {
  if (!flow.receiver.is_finished() || !flow.waiting.empty() || flow.writing_is_shut) return;
  flow.writing_is_shut = true;
  host_.shut_writing(flow.socket);
}

/// The remote's RST, or a time limit of the host's TCP. What came before it is given to the namespace, as far as it has room, as
/// its own TCP would have done; then it hears of the end in the same way. A send may hear of it before the event that tells of
/// what can be read.
void TcpEngine::Connections::host_failed(TcpFlow& flow) {
  flow.host_failed = true;
  flow.waiting.clear();
  flow.can_write = false;
  flow.can_read = true;
  while (flow.state != State::closed && pull_once(flow, SIZE_MAX)) continue;
  if (flow.state == State::closed) return;
  send_reset(flow);
  close(flow, HostSide::Closing::orderly);
}

}  // namespace postern::flow
