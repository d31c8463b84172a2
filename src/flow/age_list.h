// age_list.h - things in the order in which they were last heard of: where all may be silent for the same time, who comes first
// ends first, and nobody else need be looked at.
#pragma once

#include "postern/base/clock.h"

namespace postern::flow {

/// Base of whoever is in such a list.
template <class T>
struct Aged {
  TimePoint heard;
  T *older = nullptr, *younger = nullptr;
};

template <class T>
class AgeList {
 public:
  T* oldest() const { return oldest_; }

  /// `thing` is in no list.
  void append(T& thing) {
    thing.older = youngest_;
    thing.younger = nullptr;
    (youngest_ ? youngest_->younger : oldest_) = &thing;
    youngest_ = &thing;
  }
  void remove(T& thing) {
    (thing.older ? thing.older->younger : oldest_) = thing.younger;
    (thing.younger ? thing.younger->older : youngest_) = thing.older;
  }

 private:
  T *oldest_ = nullptr, *youngest_ = nullptr;
};

}  // namespace postern::flow
