// dns_relay.h - carries DNS queries that came by UDP to the host's servers, one after another until one answers, and the answers
// back, untouched.
//
//   namespace ── GuestSide ◄──► DnsRelay ◄──► HostSide ── a connected socket for each query and server ── net
//                               no socket,
//                               no clock
//
//   asked ── an answer that fits ─► carried back; its server is asked first, if those before it were silent or gone
//     │ ├─── refused, unreachable, "cannot answer" ─► the next server, at once
//     │ └─── 1 s of silence ─► the next server too; those before may answer still
//     ├ nobody is left: the answer that says so, or an ICMP error
//     └ 10 s: forgotten; 4 s where a server has said that it cannot answer: that is passed on
//
// Why a socket for each: the kernel gives each a port that nobody can guess, hands over what comes from that server only, and
// tells at once that nobody listens there.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "postern/base/clock.h"
#include "postern/dns/host_names.h"
#include "postern/dns/name_server.h"
#include "postern/wire/bytes.h"

namespace postern::dns {

/// Who asked, and by which address of ours.
struct Asker {
  IpAddress address;
  Port port;
  IpAddress server;
  Mac mac, server_mac;

  bool operator==(const Asker&) const = default;
};

/// Why nobody could be asked.
enum class Refusal { nobody_listens, no_route, host, prohibited };

class GuestSide {
 public:
  virtual void answer(const Asker& asker, wire::Bytes message) = 0;
  /// To be told by an ICMP error.
  virtual void refuse(const Asker& asker, wire::Bytes query, Refusal why) = 0;

 protected:
  ~GuestSide() = default;
};

/// Datagram sockets, non-blocking, each connected to one server, by numbers of the host side's choice.
class HostSide {
 public:
  struct Opening {
    int socket = -1;
    int error = 0;  // where there is no socket
  };
  /// Sends `query` from a new one. `token` comes back in host_ready() while there is something to be read, until close().
  virtual Opening ask(const NameServer& server, wire::Bytes query, uint32_t token) = 0;
  /// 0, or an errno.
  virtual int ask_again(int socket, wire::Bytes query) = 0;
  /// The bytes of one datagram, or a negative errno.
  virtual ssize_t receive(int socket, wire::MutableBytes room) = 0;
  virtual void close(int socket) = 0;

 protected:
  ~HostSide() = default;
};

class DnsRelay {
 public:
  static constexpr size_t kMostQueries = 512;          // on their way at once; beyond it the oldest is forgotten
  static constexpr size_t kMostSockets = 1024;         // of all queries; fewer beside few flows
  static constexpr size_t kMostQueryBytes = 4096;      // who has more to ask does so over TCP
  static constexpr std::chrono::seconds kPatience{1};  // with one server, before another is asked too
  static constexpr std::chrono::seconds kHeldBack{4};  // that one cannot answer: sooner than a C library's 5 s end
  static constexpr std::chrono::seconds kLifetime{10};

  /// So many sockets stand beside those of `flows`, which leave descriptors for them.
  static constexpr size_t sockets_beside(size_t flows) { return std::clamp<size_t>(flows / 8, 16, kMostSockets); }

  struct Counters {
    uint64_t queries = 0;          // of them, or not yet:
    uint64_t answered = 0;         //   by a server
    uint64_t answered_here = 0;    //   from the names that were added
    uint64_t refused = 0;          //   an ICMP error: no server could be asked
    uint64_t timed_out = 0;        //   no server answered
    uint64_t evicted = 0;          //   there were too many
    uint64_t malformed = 0;        // no query: cut short, too long, or an answer
    uint64_t failed_over = 0;      // times that another server was asked
    uint64_t asked_again = 0;      // the same query came again
    uint64_t strange_answers = 0;  // to another question
  };

  /// All of them must outlive it.
  DnsRelay(const HostNames& names, ServerChoice& servers, GuestSide& guest, HostSide& host, size_t most_sockets = kMostSockets);
  ~DnsRelay();

  /// A datagram to port 53. What is no plain query (another opcode, no question) is carried like one.
  void input(const Asker& asker, wire::Bytes query, TimePoint now);
  void host_ready(uint32_t token, TimePoint now);
  void run(TimePoint now);
  /// When run() has to be called at the latest. May be early.
  std::optional<TimePoint> next_deadline() const { return earliest_; }

  struct Pending {
    const Asker& asker;
    TimePoint forgotten_at;
    int socket;  // to the server that was asked last; -1: closed
  };
  void for_each_query(const std::function<void(const Pending&)>& tell) const;
  size_t open_sockets() const { return open_sockets_; }
  const Counters& counters() const { return counters_; }

 private:
  struct Query;
  Query* find(const Asker& asker, wire::Bytes bytes);
  Query& place_for_another();
  void repeat(Query& query, TimePoint now);
  void ask_next(Query& query, TimePoint now);
  void server_failed(Query& query, size_t which, int error, TimePoint now);
  void take_answer(Query& query, size_t which, wire::Bytes answer, TimePoint now);
  void go_on(Query& query);
  void give_up(Query& query);
  void hang_up(Query& query, size_t which);
  void end(Query& query);
  void wake_at(TimePoint when);

  const HostNames& names_;
  ServerChoice& servers_;
  GuestSide& guest_;
  HostSide& host_;
  size_t most_sockets_;
  std::vector<Query> queries_;  // places; they keep their memory
  std::unique_ptr<uint8_t[]> received_;
  std::optional<TimePoint> earliest_;
  size_t open_sockets_ = 0;
  Counters counters_;
};

}  // namespace postern::dns
