// datagram_clients.h - who talks UDP with a container by a port of the loopback, and when he is forgotten. Has no clock.
//
//   no answer yet ─ an answer ─► answered         each list has in front who was idle for longest
//      30 s idle: ends              180 s idle: ends
//      the table is full: the first of these gives way to a new one
#pragma once

#include <list>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "postern/base/clock.h"
#include "postern/base/unique_fd.h"
#include "postern/stack/flow.h"

namespace postern::forward {

struct DatagramClient {
  uint32_t number = 0;
  uint32_t port = 0;  // its number
  stack::Endpoint address;
  stack::Endpoint target;
  UniqueFd socket;  // connected to the target
  TimePoint last = {};
  bool is_answered = false;
};

class DatagramClients {
 public:
  static constexpr Duration kUnanswered = std::chrono::seconds(30), kAnswered = std::chrono::seconds(180);

  explicit DatagramClients(size_t most) : most_(most) {}

  DatagramClient* find(uint32_t number);
  DatagramClient* find(uint32_t port, const stack::Endpoint& address);
  /// False: there are as many as may be, and all have their answers.
  bool make_room();
  /// After make_room(). Number, and port with address, are nobody else's.
  DatagramClient& add(DatagramClient client, TimePoint now);
  void said_something(DatagramClient& client, TimePoint now);
  void was_answered(DatagramClient& client, TimePoint now);
  void expire(TimePoint now);
  /// When somebody may expire; nothing: there is nobody.
  std::optional<TimePoint> next_expiry() const;
  template <class Condition>
  void end_if(Condition condition);
  size_t size() const { return by_number_.size(); }

 private:
  using List = std::list<DatagramClient>;
  List& list_of(const DatagramClient& client) { return client.is_answered ? answered_ : unanswered_; }
  void end(List::iterator client);

  size_t most_;
  List unanswered_, answered_;
  std::unordered_map<uint32_t, List::iterator> by_number_;
  std::map<std::tuple<uint32_t, IpAddress, Port>, List::iterator> by_address_;
};

template <class Condition>
void DatagramClients::end_if(Condition condition) {
  for (List* list : {&unanswered_, &answered_}) {
    for (auto client = list->begin(); client != list->end();) {
      const auto current = client++;
      if (condition(*current)) end(current);
    }
  }
}

}  // namespace postern::forward
