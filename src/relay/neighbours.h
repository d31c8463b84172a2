// neighbours.h - which MAC the addresses of the namespace have, learned from what they send: a client of a published port is led
// to an address, and the namespace may have bridged it on.
#pragma once

#include <array>
#include <optional>

#include "postern/base/address.h"

namespace postern::relay {

class Neighbours {
 public:
  static constexpr size_t kMost = 64;  // the oldest of more is forgotten, and asked for when it is wanted

  /// A frame of the namespace. Cheap for who speaks again and again.
  void note(const IpAddress& address, const Mac& mac) {
    if (count_ != 0 && entries_[last_].address == address && entries_[last_].mac == mac) return;
    learn(address, mac);
  }
  std::optional<Mac> find(const IpAddress& address) const;

 private:
  struct Entry {
    IpAddress address;
    Mac mac;
  };
  void learn(const IpAddress& address, const Mac& mac);

  std::array<Entry, kMost> entries_{};
  size_t count_ = 0, next_ = 0, last_ = 0;
};

}  // namespace postern::relay
