#include "tap_port.h"

#include <unistd.h>

#include <cerrno>

#include "sightings.h"

namespace postern::relay {

TapPort::Got TapPort::read(wire::MutableBytes room, size_t& bytes) {
  const ssize_t size = ::read(tap_.get(), room.data(), room.size());
  if (size > 0) {
    bytes = static_cast<size_t>(size);
    bytes_carried_ += bytes;
    return Got::frame;
  }
  // EBADFD is all that a TAP says about its device's end; 0 is a socket's, a TAP never says it.
  return size == 0 || errno == EBADFD ? Got::end : Got::nothing;
}

void TapPort::write(std::span<const iovec> parts) {
  if (sightings_) [[unlikely]]
    return write_shown(parts);
  put(parts);
}

/// The time is that before the write, in which the namespace's kernel already does its part.
void TapPort::write_shown(std::span<const iovec> parts) {
  const TimePoint when = sightings_->before_write();
  const size_t vnet_bytes = mode_.framing == netns::TapFraming::vnet ? wire::VnetHeader::kBytes : 0;
  if (put(parts)) sightings_->written(parts, vnet_bytes, when);
}

/// False: lost.
inline bool TapPort::put(std::span<const iovec> parts) {
  const ssize_t size = tap_ ? ::writev(tap_.get(), parts.data(), static_cast<int>(parts.size())) : -1;
  if (size < 0) {
    ++writes_lost_;
    return false;
  }
  bytes_carried_ += static_cast<size_t>(size);
  return true;
}

}  // namespace postern::relay
