// ring.h - a queue in one piece of memory that it keeps: pushing and popping allocate nothing once it is as long as it gets.
// Empty from the start it costs 24 bytes, of which ten thousand idle connections have several.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <utility>

#include "postern/base/assert.h"

namespace postern::flow {

/// Of things that can be moved and that own nothing when default-made: such a one fills a place that is free.
template <class T>
class Ring {
 public:
  uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// The index-th from the front.
  T& operator[](uint32_t index) { return places_[(first_ + index) & (capacity_ - 1)]; }
  const T& operator[](uint32_t index) const { return places_[(first_ + index) & (capacity_ - 1)]; }
  T& front() { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }

  void push_back(T thing) {
    if (size_ == capacity_) resize(std::max(kLeastPlaces, 2 * capacity_));
    ++size_;
    back() = std::move(thing);
  }
  void pop_front() {
    POSTERN_ASSERT(size_ > 0);
    front() = T();
    first_ = (first_ + 1) & (capacity_ - 1);
    --size_;
  }
  void pop_back() {
    POSTERN_ASSERT(size_ > 0);
    back() = T();
    --size_;
  }
  void clear() {
    while (!empty()) pop_front();
  }

  /// Lets go of memory that it does not need now.
  void trim() {
    const uint32_t enough = empty() ? 0 : std::max(kLeastPlaces, std::bit_ceil(size_));
    if (enough < capacity_) resize(enough);
  }
  uint32_t capacity() const { return capacity_; }

 private:
  static constexpr uint32_t kLeastPlaces = 4;

  void resize(uint32_t capacity) {
    auto places = capacity == 0 ? nullptr : std::make_unique<T[]>(capacity);
    for (uint32_t i = 0; i < size_; ++i) places[i] = std::move((*this)[i]);
    places_ = std::move(places);
    capacity_ = capacity;
    first_ = 0;
  }

  std::unique_ptr<T[]> places_;
  uint32_t capacity_ = 0;  // a power of two, or 0
  uint32_t first_ = 0;
  uint32_t size_ = 0;
};

}  // namespace postern::flow
