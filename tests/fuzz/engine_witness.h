// engine_witness.h - sees all that passes between the fast engine, its namespace and its host, and knows what TCP forbids.
//
// A connection's bytes are known by their place, so that whatever a hostile script sends is, where it counts, what a consistent
// namespace would have sent: the host must get a beginning of it.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "postern/flow/tcp_engine.h"

#include "stream.h"

namespace postern::fuzz {

/// One connection, since its socket was opened.
class Witness {
 public:
  explicit Witness(uint32_t guest_initial) : guest_initial_(guest_initial) {}
  /// A client's, that waits for the namespace's first number.
  Witness() : guest_initial_(0xffff'f000), awaits_syn_(true) {}

  // ---- from the namespace
  /// Fills what the namespace would send with this number.
  void make_up_data(uint32_t sequence, wire::MutableBytes room) const;
  void segment_sent(const wire::TcpSegment& segment);
  /// Of its window scale, if both know of it.
  void guest_scales(uint8_t shift) { guest_shift_ = shift; }

  // ---- to the namespace
  void frame_came(const wire::TcpFrame& frame, std::span<const iovec> payload);

  // ---- at the host
  void host_took(wire::Bytes bytes);
  void host_gives(wire::MutableBytes room);
  void host_heard_end();
  void host_ends() { host_ended_ = true; }

  uint32_t expected() const { return acknowledged_ ? *acknowledged_ : guest_initial_ + 1; }  // what the namespace would send next
  uint32_t sent() const { return initial_ ? *initial_ + 1 + static_cast<uint32_t>(highest_) : 0; }
  uint64_t taken() const { return taken_; }
  /// Bytes that the namespace was told to forget.
  uint64_t acknowledged_bytes() const;

 private:
  using Place = int64_t;  // in a stream, from its first byte

  Place place_of(uint32_t sequence) const { return static_cast<int32_t>(sequence - guest_initial_ - 1); }
  Place own_place_of(uint32_t sequence) const { return static_cast<int32_t>(sequence - *initial_ - 1); }
  void syn_sent(const wire::TcpSegment& syn);
  void syn_came(const wire::TcpFrame& syn);
  void check_acknowledgment(const wire::TcpFrame& frame);
  void check_data(uint32_t sequence, std::span<const iovec> payload, bool fin);

  const chaos::Stream up_{1}, down_{2};
  uint32_t guest_initial_;
  bool awaits_syn_ = false;
  uint16_t promised_ = 0;  // by our SYN
  uint8_t guest_shift_ = 0;
  std::map<Place, Place> spans_;  // of the guest's stream, that it has sent; without overlap
  std::set<Place> fins_;          // where it said that its stream ends
  uint64_t taken_ = 0;            // by the host
  std::optional<uint32_t> acknowledged_, edge_;
  uint8_t shift_ = 0;

  std::optional<uint32_t> initial_;  // the engine's
  uint64_t given_ = 0;               // by the host
  bool host_ended_ = false;
  Place highest_ = 0;  // sent, SYN not counted
  Place guest_has_ = 0, guest_edge_ = 0;
  bool guest_spoke_ = false;
};

}  // namespace postern::fuzz
