#include "datagram_clients.h"

#include <algorithm>
#include <utility>

namespace postern::forward {

DatagramClient* DatagramClients::find(uint32_t number) {
  const auto found = by_number_.find(number);
  return found == by_number_.end() ? nullptr : &*found->second;
}

DatagramClient* DatagramClients::find(uint32_t port, const stack::Endpoint& address) {
  const auto found = by_address_.find({port, address.address, address.port});
  return found == by_address_.end() ? nullptr : &*found->second;
}

bool DatagramClients::make_room() {
  if (size() < most_) return true;
  if (unanswered_.empty()) return false;
  end(unanswered_.begin());
  return true;
}

DatagramClient& DatagramClients::add(DatagramClient client, TimePoint now) {
  client.last = now;
  const auto added = unanswered_.insert(unanswered_.end(), std::move(client));
  by_number_[added->number] = added;
  by_address_[{added->port, added->address.address, added->address.port}] = added;
  return *added;
}

void DatagramClients::said_something(DatagramClient& client, TimePoint now) {
  client.last = now;
  List& list = list_of(client);
  list.splice(list.end(), list, by_number_.at(client.number));
}

void DatagramClients::was_answered(DatagramClient& client, TimePoint now) {
  client.last = now;
  List& before = list_of(client);
  client.is_answered = true;
  answered_.splice(answered_.end(), before, by_number_.at(client.number));
}

void DatagramClients::expire(TimePoint now) {
  while (!unanswered_.empty() && unanswered_.front().last + kUnanswered <= now) end(unanswered_.begin());
  while (!answered_.empty() && answered_.front().last + kAnswered <= now) end(answered_.begin());
}

std::optional<TimePoint> DatagramClients::next_expiry() const {
  TimePoint next = TimePoint::max();
  if (!unanswered_.empty()) next = std::min(next, unanswered_.front().last + kUnanswered);
  if (!answered_.empty()) next = std::min(next, answered_.front().last + kAnswered);
  return size() == 0 ? std::nullopt : std::optional(next);
}

void DatagramClients::end(List::iterator client) {
  by_number_.erase(client->number);
  by_address_.erase({client->port, client->address.address, client->address.port});
  list_of(*client).erase(client);
}

}  // namespace postern::forward
