// archive.h - values as bytes, and back: how a child of ours tells what it has seen. One list of fields serves both directions,
// so that these cannot part. Only between two processes of the same program: numbers are as they lie in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace postern::inspect {

class Writer {
 public:
  template <class... Fields>
  void operator()(Fields&... all) {
    (put(all), ...);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  template <class T>
  void put(T& value) {
    if constexpr (std::is_arithmetic_v<T>) {
      bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    } else {
      fields(*this, value);
    }
  }
  void put_size(size_t size) { put(size); }
  void put(std::string& text) {
    put_size(text.size());
    bytes_ += text;
  }
  template <class T>
  void put(std::vector<T>& all) {
    put_size(all.size());
    for (T& one : all) put(one);
  }
  template <class T>
  void put(std::optional<T>& maybe) {
    bool there = maybe.has_value();
    put(there);
    if (maybe) put(*maybe);
  }
  template <class A, class B>
  void put(std::pair<A, B>& both) {
    (*this)(both.first, both.second);
  }

  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <class... Fields>
  void operator()(Fields&... all) {
    (get(all), ...);
  }
  /// Whether all was there that was asked for.
  bool good() const { return good_; }
  /// And nothing is left.
  bool done() const { return good_ && rest_.empty(); }

 private:
  std::string_view take(size_t size) {
    good_ = good_ && size <= rest_.size();
    const std::string_view taken = rest_.substr(0, good_ ? size : 0);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  template <class T>
  void get(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      const std::string_view taken = take(1);
      value = !taken.empty() && taken.front() != 0;
    } else if constexpr (std::is_arithmetic_v<T>) {
      const std::string_view taken = take(sizeof value);
      if (!taken.empty()) std::memcpy(&value, taken.data(), sizeof value);
    } else {
      fields(*this, value);
    }
  }
  void get(std::string& text) {
    size_t size = 0;
    get(size);
    text = take(size);
  }
  template <class T>
  void get(std::vector<T>& all) {
    size_t size = 0;
    get(size);
    for (size_t i = 0; i < size && good_; ++i) get(all.emplace_back());
  }
  template <class T>
  void get(std::optional<T>& maybe) {
    bool there = false;
    get(there);
    if (there && good_) get(maybe.emplace());
  }
  template <class A, class B>
  void get(std::pair<A, B>& both) {
    (*this)(both.first, both.second);
  }

  std::string_view rest_;
  bool good_ = true;
};

}  // namespace postern::inspect
