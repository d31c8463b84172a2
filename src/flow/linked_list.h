// linked_list.h - things in a row. Their links are in themselves: nothing is allocated, and any of them is taken out at once.
#pragma once

#include <cstddef>

namespace postern::flow {

template <class T>
struct Links {
  T *before = nullptr, *behind = nullptr;
};

/// `links` is the member of T that this list uses, a Links<T>: a thing is in at most one list by each.
template <class T, auto links>
class LinkedList {
 public:
  bool empty() const { return first_ == nullptr; }
  size_t size() const { return size_; }
  T* first() const { return first_; }  // nullptr: none
  T* behind(const T& thing) const { return (thing.*links).behind; }

  /// `thing` is in no list by these links.
  void append(T& thing) { insert(thing, last_, nullptr); }
  void prepend(T& thing) { insert(thing, nullptr, first_); }
  /// It is in this one.
  void remove(T& thing) {
    const Links<T> around = thing.*links;
    (around.before ? (around.before->*links).behind : first_) = around.behind;
    (around.behind ? (around.behind->*links).before : last_) = around.before;
    --size_;
  }
  /// Not where it is empty.
  T& take_first() {
    T& thing = *first_;
    remove(thing);
    return thing;
  }

 private:
  void insert(T& thing, T* before, T* behind) {
    thing.*links = {before, behind};
    (before ? (before->*links).behind : first_) = &thing;
    (behind ? (behind->*links).before : last_) = &thing;
    ++size_;
  }

  T *first_ = nullptr, *last_ = nullptr;
  size_t size_ = 0;
};

}  // namespace postern::flow
