// tap_port.h - the wire into the namespace: one frame a read, one frame a write, tun's documentation calls it a packet device.
//
// What is not taken is lost, as on any wire: TCP sends it again, and everybody else must live with it.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>

#include "postern/base/unique_fd.h"
#include "postern/netns/tap.h"
#include "postern/wire/bytes.h"

namespace postern::relay {

class Sightings;

class TapPort {
 public:
  ~TapPort() { close(); }
  void open(UniqueFd tap, const netns::TapMode& mode) {
    tap_ = std::move(tap);
    mode_ = mode;
  }
  /// Closes the descriptor; from now on whatever is written is lost.
  void close() {
    if (tap_ && mode_.is_borrowed) netns::return_tap(tap_.get());
    tap_.reset();
  }
  bool is_open() const { return static_cast<bool>(tap_); }
  int fd() const { return tap_.get(); }
  netns::TapFraming framing() const { return mode_.framing; }
  const netns::TapMode& mode() const { return mode_; }

  enum class Got { frame, nothing, end };
  /// The next frame, behind its vnet header if the framing has one. `end`: the device is gone, or a socket's other end.
  Got read(wire::MutableBytes room, size_t& bytes);
  /// Who is told of each frame from now on; nullptr: nobody.
  void show_to(Sightings* sightings) { sightings_ = sightings; }
  /// One frame, in parts; vnet header first if the framing has one.
  void write(std::span<const iovec> parts);
  uint64_t writes_lost() const { return writes_lost_; }
  uint64_t bytes_carried() const { return bytes_carried_; }  // both ways

 private:
  void write_shown(std::span<const iovec> parts);
  bool put(std::span<const iovec> parts);

  UniqueFd tap_;
  netns::TapMode mode_;
  Sightings* sightings_ = nullptr;
  uint64_t writes_lost_ = 0, bytes_carried_ = 0;
};

}  // namespace postern::relay
