#include "neighbours.h"

#include <algorithm>

#include "postern/wire/address_class.h"

namespace postern::relay {

void Neighbours::learn(const IpAddress& address, const Mac& mac) {
  if (mac.is_multicast() || mac == Mac{} || wire::is_unspecified(address)) return;
  const auto end = entries_.begin() + static_cast<ptrdiff_t>(count_);
  const auto found = std::find_if(entries_.begin(), end, [&](const Entry& entry) { return entry.address == address; });
  if (found != end) {
    last_ = static_cast<size_t>(found - entries_.begin());
  } else {
    last_ = next_;
    next_ = (next_ + 1) % kMost;
    count_ = std::min(count_ + 1, kMost);
  }
  entries_[last_] = {address, mac};
}

std::optional<Mac> Neighbours::find(const IpAddress& address) const {
  const auto end = entries_.begin() + static_cast<ptrdiff_t>(count_);
  const auto found = std::find_if(entries_.begin(), end, [&](const Entry& entry) { return entry.address == address; });
  return found == end ? std::nullopt : std::optional(found->mac);
}

}  // namespace postern::relay
