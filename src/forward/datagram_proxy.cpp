#include "datagram_proxy.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "postern/base/log.h"

namespace postern::forward {

namespace {

constexpr size_t kLargestDatagram = 65536;

/// Which port, as the listeners name it: where it leads is asked for with each client.
stack::Forward forward_at(const IpAddress& address, Port port) {
  return {.protocol = stack::Protocol::udp, .host_address = address, .host_port = port, .guest_address = {}, .guest_port = {}};
}

/// What went wrong with an earlier datagram, ICMP's answer to it, is told to the next one in its place, udp(7).
void send_connected(int socket, wire::Bytes datagram) {
  constexpr int kTries = 2;
  for (int tries = 0; tries < kTries; ++tries) {
    if (::send(socket, datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno == EAGAIN) return;
  }
}

}  // namespace

DatagramProxy::DatagramProxy(loop::EventLoop& loop, Listeners& listeners, const LoopbackTargets& targets, Limits limits)
    : loop_(loop),
      listeners_(listeners),
      targets_(targets),
      limits_(limits),
      port_source_(loop.make_source([this](uint32_t number, uint32_t) { receive_from_clients(number); })),
      client_source_(loop.make_source([this](uint32_t number, uint32_t) { receive_from_container(number); })),
      alarm_(loop, [this] { expire(); }),
      clients_(limits.clients) {}

void DatagramProxy::follow() {
  auto wanted = targets_.datagram_ports(limits_.ports + 1);
  const bool is_too_much = wanted.size() > limits_.ports;
  if (is_too_much && !has_told_of_limit_) {
    log::warning("more than {0} UDP ports are published: the host's loopback answers at the first {0} alone", limits_.ports);
  }
  has_told_of_limit_ = is_too_much;
  wanted.resize(std::min(wanted.size(), limits_.ports));
  std::set<Place> places;
  for (const auto& [address, port] : wanted) places.emplace(address, port);
  std::erase_if(refused_, [&](const Place& place) { return !places.contains(place); });
  std::vector<Place> gone;
  for (const auto& [place, number] : numbers_) {
    if (!places.contains(place)) gone.push_back(place);
  }
  for (const auto& [address, port] : gone) (void)listeners_.close(forward_at(address, port), 0);
  for (const Place& place : places) {
    if (!numbers_.contains(place)) bind(place);
  }
  clients_.end_if([&](const DatagramClient& client) {
    const stack::Endpoint& at = ports_.at(client.port).at;
    const auto target = targets_.find(stack::Protocol::udp, at);
    return !target || target->for_client(at.address) != client.target;
  });
}

/// A port that another program has is told of once, and tried again whenever the targets change.
void DatagramProxy::bind(const Place& place) {
  const auto bound = listeners_.listen(forward_at(place.first, place.second));
  if (bound) {
    refused_.erase(place);
    return;
  }
  const int error = bound.error().code.value();
  const bool lacks_family = error == EADDRNOTAVAIL || error == EAFNOSUPPORT;  // a host without ::1
  if (!refused_.insert(place).second || lacks_family) return;
  log::warning("the loopback does not answer at a published UDP port: {}", bound.error().message());
}

Status DatagramProxy::adopt(UniqueFd socket, const stack::Forward& forward) {
  const uint32_t number = new_number();
  if (Status watched = port_source_.watch(socket.get(), EPOLLIN, number); !watched) return watched;
  numbers_[{forward.host_address, forward.host_port}] = number;
  ports_[number] = {std::move(socket), {forward.host_address, forward.host_port}};
  return {};
}

void DatagramProxy::drop(const stack::Forward& forward) {
  const auto found = numbers_.find({forward.host_address, forward.host_port});
  if (found == numbers_.end()) return;
  clients_.end_if([number = found->second](const DatagramClient& client) { return client.port == number; });
  ports_.erase(found->second);
  numbers_.erase(found);
}

/// Whoever asks often enough sees them begin anew.
uint32_t DatagramProxy::new_number() {
  do ++last_number_;
  while (ports_.contains(last_number_) || clients_.find(last_number_));
  return last_number_;
}

wire::MutableBytes DatagramProxy::buffer() {
  if (!buffer_) buffer_ = std::make_unique_for_overwrite<uint8_t[]>(kLargestDatagram);
  return wire::MutableBytes(buffer_.get(), kLargestDatagram);
}

void DatagramProxy::receive_from_clients(uint32_t number) {
  const auto port = ports_.find(number);
  if (port == ports_.end()) return;
  const wire::MutableBytes room = buffer();
  for (int received = 0; received < kDatagramsPerTurn; ++received) {
    SocketAddress from;
    const ssize_t size = ::recvfrom(port->second.socket.get(), room.data(), room.size(), MSG_DONTWAIT, from.get(), from.room());
    if (size < 0) return;
    const auto address = from.address();
    if (!address) continue;
    if (const DatagramClient* client = client_of(number, {*address, from.port()})) {
      send_connected(client->socket.get(), room.first(static_cast<size_t>(size)));
    }
  }
}

void DatagramProxy::receive_from_container(uint32_t number) {
  DatagramClient* client = clients_.find(number);
  if (!client) return;
  const wire::MutableBytes room = buffer();
  const SocketAddress to(client->address.address, client->address.port);
  const int port = ports_.at(client->port).socket.get();
  for (int received = 0; received < kDatagramsPerTurn; ++received) {
    const ssize_t size = ::recv(client->socket.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) return;
    if (size < 0) continue;  // ICMP's answer, for which an unconnected socket has no way to the client
    clients_.was_answered(*client, loop_.now());
    (void)::sendto(port, room.data(), static_cast<size_t>(size), MSG_DONTWAIT | MSG_NOSIGNAL, to.get(), to.size());
  }
}

/// nullptr: there is no room for another one, or it leads nowhere.
DatagramClient* DatagramProxy::client_of(uint32_t port, const stack::Endpoint& address) {
  DatagramClient* client = clients_.find(port, address);
  if (!client) return open_client(port, address);
  clients_.said_something(*client, loop_.now());
  return client;
}

/// Where all have their answers, a new one has to wait; else the one that got none for longest has given way.
DatagramClient* DatagramProxy::open_client(uint32_t port, const stack::Endpoint& address) {
  const stack::Endpoint& at = ports_.at(port).at;
  const auto target = targets_.find(stack::Protocol::udp, at);
  if (!target || !clients_.make_room()) return nullptr;
  const stack::Endpoint to = target->for_client(at.address);
  const SocketAddress name(to.address, to.port);
  UniqueFd socket(::socket(name.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket || ::connect(socket.get(), name.get(), name.size()) < 0) return nullptr;
  const uint32_t number = new_number();
  if (!client_source_.watch(socket.get(), EPOLLIN, number)) return nullptr;
  if (!std::exchange(is_alarm_set_, true)) alarm_.set(loop_.now() + DatagramClients::kUnanswered);
  return &clients_.add({.number = number, .port = port, .address = address, .target = to, .socket = std::move(socket)},
                       loop_.now());
}

/// While there is anybody it looks again at least as often as somebody new may expire.
void DatagramProxy::expire() {
  clients_.expire(loop_.now());
  const auto next = clients_.next_expiry();
  is_alarm_set_ = next.has_value();
  if (next) alarm_.set(std::min(*next, loop_.now() + DatagramClients::kUnanswered));
}

}  // namespace postern::forward
