// dns_relay.cpp - a namespace and servers that do what they like, and the relay between them. The input is a script, one act
// after another; each message has a byte for its length before it:
//
//   0 port message       the namespace asks
//   1 which message      a server says something, by one of the open sockets
//   2 which errno        a socket fails
//   3 which errno        a server cannot be asked from now on, or can again (0)
//   4 tenths of seconds  time passes
//   5 count              the list of servers is another
#include "postern/dns/dns_relay.h"

#include <deque>
#include <map>

#include "fuzz_input.h"

namespace {

using namespace postern;
using wire::Bytes;

class World final : dns::GuestSide, dns::HostSide {
 public:
  explicit World(Bytes script) : rest_(script) { choose(3); }

  void play() {
    while (!rest_.empty()) act(take());
    now_ += dns::DnsRelay::kLifetime;
    relay_.run(now_);
    POSTERN_ASSERT(sockets_.empty() && relay_.open_sockets() == 0);  // nothing stays for ever
    const auto& counters = relay_.counters();
    POSTERN_ASSERT(counters.queries ==
                   counters.answered + counters.answered_here + counters.refused + counters.timed_out + counters.evicted);
    POSTERN_ASSERT(counters.answered + counters.answered_here == answers_ && counters.refused == refusals_);
  }

 private:
  struct Socket {
    uint32_t token;
    std::vector<uint8_t> asked;
    std::deque<Bytes> said;
    int error = 0;
  };

  uint8_t take() {
    if (rest_.empty()) return 0;
    const uint8_t byte = rest_.front();
    rest_ = rest_.subspan(1);
    return byte;
  }
  Bytes take_message() {
    const Bytes message = rest_.first(std::min<size_t>(take(), rest_.size()));
    rest_ = rest_.subspan(message.size());
    return message;
  }
  void choose(uint8_t count) {
    std::vector<dns::NameServer> servers;
    for (uint8_t i = 0; i < count; ++i) servers.push_back({Ipv4::of(192, 0, 2, i)});
    choice_.replace(servers);
  }
  void act(uint8_t what) {
    switch (what % 6) {
      case 0: {
        const dns::Asker asker{Ipv4::of(10, 0, 2, 100), Port{take()}, Ipv4::of(10, 0, 2, 3), {}, {}};
        relay_.input(asker, take_message(), now_);
        break;
      }
      case 1: return by_socket(take(), [this](Socket& socket) { socket.said.push_back(take_message()); });
      case 2: return by_socket(take(), [this](Socket& socket) { socket.error = take(); });
      case 3: {
        const uint8_t server = take();
        unaskable_[server % 8] = take();
        break;
      }
      case 4:
        now_ += std::chrono::milliseconds(100) * take();
        relay_.run(now_);
        break;
      default: choose(static_cast<uint8_t>(take() % 10));
    }
    POSTERN_ASSERT(sockets_.size() == relay_.open_sockets() && sockets_.size() <= dns::DnsRelay::kMostSockets);
    POSTERN_ASSERT(sockets_.empty() || relay_.next_deadline());
    relay_.for_each_query([this](const auto& query) { POSTERN_ASSERT(query.forgotten_at > now_); });
  }
  template <class Change>
  void by_socket(uint8_t which, Change change) {
    if (sockets_.empty()) return relay_.host_ready(which, now_);
    auto socket = sockets_.begin();
    std::advance(socket, which % sockets_.size());
    change(socket->second);
    relay_.host_ready(socket->second.token, now_);
  }

  void answer(const dns::Asker&, Bytes message) override {
    const auto read = wire::DnsMessage::parse(message);
    POSTERN_ASSERT(read && read->is_response);
    ++answers_;
  }
  void refuse(const dns::Asker&, Bytes query, dns::Refusal) override {
    POSTERN_ASSERT(wire::DnsMessage::parse(query));
    ++refusals_;
  }
  Opening ask(const dns::NameServer& server, Bytes query, uint32_t token) override {
    const auto* v4 = std::get_if<Ipv4>(&server.address);  // ::1 where none is named
    const uint8_t error = unaskable_[v4 ? v4->bits % 8 : 7];
    if (error != 0) return {-1, error};
    sockets_[++last_socket_] = {token, {query.begin(), query.end()}, {}, 0};
    return {last_socket_, 0};
  }
  int ask_again(int socket, Bytes query) override {
    const Socket& known = sockets_.at(socket);
    POSTERN_ASSERT(std::equal(query.begin(), query.end(), known.asked.begin(), known.asked.end()));
    return known.error;
  }
  ssize_t receive(int socket, wire::MutableBytes room) override {
    Socket& known = sockets_.at(socket);
    if (known.error != 0) return -known.error;
    if (known.said.empty()) return -EAGAIN;
    const Bytes message = known.said.front();
    known.said.pop_front();
    std::copy(message.begin(), message.end(), room.begin());
    return static_cast<ssize_t>(message.size());
  }
  void close(int socket) override { POSTERN_ASSERT(sockets_.erase(socket) == 1); }

  Bytes rest_;
  TimePoint now_{};
  std::map<int, Socket> sockets_;
  std::array<uint8_t, 8> unaskable_{};
  int last_socket_ = 0;
  uint64_t answers_ = 0, refusals_ = 0;
  dns::HostNames names_{{{"db.lan", Ipv4::of(192, 0, 2, 7)}}};
  dns::ServerChoice choice_;
  dns::DnsRelay relay_{names_, choice_, *this, *this};
};

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  World({data, size}).play();
  return 0;
}
