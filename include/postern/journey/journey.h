// journey.h - the events of one packet, put together: from namespace to namespace, through address translation, through our own
// stack. Pure.
//
//   events of all observers ──► Journeys::add ──► by the observer's identity (the kernel's buffer), else
//                                                 by the headers (addresses, ports, IP's identification, sequence numbers), else
//                                                 by a mapping of our own stack ──► one Journey a packet
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postern/journey/event.h"

namespace postern::journey {

/// Addresses or ports are others than at the hop before.
struct Translation {
  Endpoint source_before, destination_before;
  Endpoint source_after, destination_after;
  bool source_changed = false, destination_changed = false;
};

/// One point of a journey.
struct Hop {
  Event event;
  uint64_t since_previous_ns = 0;  // 0 for the first, and where a clock that is not exact would lie
  std::optional<Translation> translation;
};

struct Journey {
  std::vector<Hop> hops;          // in the order of the way; at least one
  std::optional<size_t> answers;  // the journey, by its place in the list, of which this is the answer
  enum class End { delivered, dropped, to_host_socket, unknown } end = End::unknown;
  uint64_t duration_ns = 0;
};
std::string_view name(Journey::End end);  // "to_host_socket"

/// Which journey answers which, of journeys that are told one after the other; the question may have been given away long since.
class Answers {
 public:
  Answers();
  ~Answers();
  /// The number of the latest that `journey` can answer, of those that began no later.
  std::optional<size_t> question_of(const Journey& journey) const;
  /// `number`: higher than those before.
  void enter(const Journey& journey, size_t number);
  /// Nothing answers lower numbers any more, but in conversations that went on since.
  void forget_before(size_t number);

 private:
  class Memory;
  std::unique_ptr<Memory> memory_;
};

class Journeys {
 public:
  /// Packets whose last event is older than this are not joined any more.
  static constexpr std::chrono::seconds kPatience{2};

  Journeys();
  ~Journeys();
  /// Events may come in any order, but not long after others that are `kPatience` later.
  void add(Event event);
  /// All of them, in the order of their first hops. Ends the collection.
  std::vector<Journey> take();

 private:
  class Collection;
  std::unique_ptr<Collection> collection_;
};

}  // namespace postern::journey
