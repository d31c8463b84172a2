#include "sightings.h"

#include <algorithm>

namespace postern::relay {

namespace {

constexpr size_t kMostParts = 68;  // of a frame that is written: a datagram superframe's, and some

size_t bytes_of(std::span<const iovec> parts) {
  size_t bytes = 0;
  for (const iovec& part : parts) bytes += part.iov_len;
  return bytes;
}

size_t copy_start(std::span<const iovec> parts, wire::MutableBytes room) {
  size_t filled = 0;
  for (const iovec& part : parts) {
    const size_t some = std::min(part.iov_len, room.size() - filled);
    std::copy_n(static_cast<const uint8_t*>(part.iov_base), some, room.begin() + static_cast<ptrdiff_t>(filled));
    filled += some;
  }
  return filled;
}

/// `parts` without their first `bytes`, in `room`.
std::span<const iovec> without_first(std::span<const iovec> parts, size_t bytes, std::span<iovec> room) {
  size_t kept = 0;
  for (const iovec& part : parts.first(std::min(parts.size(), room.size()))) {
    const size_t cut = std::min(bytes, part.iov_len);
    bytes -= cut;
    if (cut < part.iov_len) room[kept++] = {static_cast<uint8_t*>(part.iov_base) + cut, part.iov_len - cut};
  }
  return room.first(kept);
}

uint32_t segment_bytes_in(std::span<const iovec> parts, size_t vnet_bytes) {
  if (vnet_bytes == 0) return 0;
  std::array<uint8_t, wire::VnetHeader::kBytes> header{};
  copy_start(parts, header);
  const auto vnet = wire::VnetHeader::parse(header);
  return vnet && vnet->gso != wire::VnetHeader::Gso::none ? vnet->segment_bytes : 0;
}

}  // namespace

void Sightings::came(wire::Bytes frame, uint32_t segment_bytes) {
  const iovec whole{const_cast<uint8_t*>(frame.data()), frame.size()};
  if (recorder_) recorder_->passes({&whole, 1});
  if (!witness_) return;
  current_.sighting = {
      .drop = {}, .when = Clock::now(), .frame_bytes = static_cast<uint32_t>(frame.size()), .segment_bytes = segment_bytes};
  current_.start_bytes = copy_start({&whole, 1}, current_.start);
  has_current_ = true;
}

void Sightings::became(Sighting::Fate fate, Carrier carrier, std::optional<Drop> drop) {
  if (!has_current_) return;
  has_current_ = false;
  current_.sighting.fate = fate;
  current_.sighting.carrier = carrier;
  current_.sighting.drop = drop;
  show(current_);
  for (const Shown& shown : called_forth_) show(shown);
  called_forth_.clear();
}

void Sightings::written(std::span<const iovec> parts, size_t vnet_bytes, TimePoint when) {
  std::array<iovec, kMostParts> room;
  const std::span<const iovec> frame = without_first(parts, vnet_bytes, room);
  if (recorder_) recorder_->passes(frame);
  if (!witness_) return;
  Shown shown;
  shown.sighting = {.way = Sighting::Way::to_guest,
                    .drop = {},
                    .when = when,
                    .frame_bytes = static_cast<uint32_t>(bytes_of(frame)),
                    .segment_bytes = segment_bytes_in(parts, vnet_bytes)};
  shown.start_bytes = copy_start(frame, shown.start);
  if (has_current_) {
    called_forth_.push_back(shown);
  } else {
    show(shown);
  }
}

void Sightings::show(const Shown& shown) const {
  if (witness_) witness_->saw(shown.sighting, wire::Bytes(shown.start).first(shown.start_bytes));
}

}  // namespace postern::relay
