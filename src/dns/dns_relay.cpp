#include "postern/dns/dns_relay.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "postern/wire/dns_answer.h"
#include "postern/wire/udp_frame.h"

namespace postern::dns {

namespace {

constexpr size_t kMostAnswerBytes = wire::kMaxUdpData;  // what is longer is cut short
constexpr int kMostReads = 16;                          // of one socket in a row

/// Nothing: it is our own trouble, of which the namespace hears nothing; it will ask again.
std::optional<Refusal> to_refusal(int error) {
  switch (error) {
    case ECONNREFUSED: return Refusal::nobody_listens;
    case ENETUNREACH:
    case ENETDOWN:
    case EAFNOSUPPORT:
    case EADDRNOTAVAIL: return Refusal::no_route;  // no source address for IPv6
    case EHOSTUNREACH:
    case EHOSTDOWN: return Refusal::host;
    case EACCES:
    case EPERM: return Refusal::prohibited;
    default: return std::nullopt;
  }
}

/// The server has spoken, but cannot answer; another may, as a C library holds too.
bool is_no_help(wire::DnsCode code) {
  return code == wire::DnsCode::server_failure || code == wire::DnsCode::not_implemented || code == wire::DnsCode::refused;
}

/// An error may come without its question, as of a server that could not read it.
bool answers(const wire::DnsMessage& answer, const wire::DnsMessage& query) {
  if (!answer.is_response || answer.id != query.id || answer.opcode != query.opcode) return false;
  if (answer.questions == 0)
    return query.questions == 0 || query.opcode != wire::kDnsQuery || answer.code != wire::DnsCode::no_error;
  if (!answer.question || !query.question) return !answer.question && !query.question;
  return wire::is_same_question(*answer.question, *query.question);
}

}  // namespace

struct DnsRelay::Query {
  bool is_open = false;
  Asker asker;
  std::vector<uint8_t> bytes;
  std::vector<NameServer> servers;          // as they stood when it came
  std::array<int, kMostServers> sockets{};  // -1: closed; of those that were asked
  size_t asked = 0;
  size_t first_of_no_help = kMostServers;  // of the servers, in their order
  TimePoint begun, next_server_at;
  std::vector<uint8_t> no_help;  // the last answer that was none
  std::optional<Refusal> refusal;

  bool has_socket() const {
    return std::any_of(sockets.begin(), sockets.begin() + static_cast<ptrdiff_t>(asked), [](int socket) { return socket >= 0; });
  }
  bool has_another() const { return asked < servers.size(); }
  TimePoint ends_at() const { return begun + (no_help.empty() ? kLifetime : kHeldBack); }
  TimePoint deadline() const { return has_another() ? std::min(next_server_at, ends_at()) : ends_at(); }
};

DnsRelay::DnsRelay(const HostNames& names, ServerChoice& servers, GuestSide& guest, HostSide& host, size_t most_sockets)
    : names_(names), servers_(servers), guest_(guest), host_(host), most_sockets_(most_sockets) {}

DnsRelay::~DnsRelay() {
  for (Query& query : queries_) {
    if (query.is_open) end(query);
  }
}

void DnsRelay::input(const Asker& asker, wire::Bytes bytes, TimePoint now) {
  const auto message = wire::DnsMessage::parse(bytes);
  if (!message || message->is_response || bytes.size() > kMostQueryBytes) {
    ++counters_.malformed;
    return;
  }
  if (const auto* addresses = names_.answer_to(*message)) {
    std::array<uint8_t, wire::kMaxDnsAnswer> room;
    ++counters_.queries;
    ++counters_.answered_here;
    return guest_.answer(asker, wire::Bytes(room).first(wire::store_dns_answer(room, *message, *addresses)));
  }
  if (Query* known = find(asker, bytes)) return repeat(*known, now);
  ++counters_.queries;
  Query& query = place_for_another();
  query.is_open = true;
  query.asker = asker;
  query.bytes.assign(bytes.begin(), bytes.end());
  query.servers = servers_.in_order(now);
  query.asked = 0;
  query.first_of_no_help = kMostServers;
  query.begun = now;
  query.refusal.reset();
  ask_next(query, now);
}

DnsRelay::Query* DnsRelay::find(const Asker& asker, wire::Bytes bytes) {
  const auto is_it = [&](const Query& query) {
    return query.is_open && query.asker == asker &&
           std::equal(bytes.begin(), bytes.end(), query.bytes.begin(), query.bytes.end());
  };
  const auto found = std::find_if(queries_.begin(), queries_.end(), is_it);
  return found == queries_.end() ? nullptr : &*found;
}

/// A closed place, a new one, or that of the oldest.
DnsRelay::Query& DnsRelay::place_for_another() {
  if (open_sockets_ < most_sockets_) {
    const auto closed = std::find_if(queries_.begin(), queries_.end(), [](const Query& query) { return !query.is_open; });
    if (closed != queries_.end()) return *closed;
    if (queries_.size() < kMostQueries) return queries_.emplace_back();
  }
  Query& oldest = *std::min_element(queries_.begin(), queries_.end(), [](const Query& a, const Query& b) {
    return std::pair(!a.is_open, a.begun) < std::pair(!b.is_open, b.begun);
  });
  ++counters_.evicted;
  end(oldest);
  return oldest;
}

/// The query or its answer may have been lost on the way.
void DnsRelay::repeat(Query& query, TimePoint now) {
  ++counters_.asked_again;
  const size_t asked = query.asked;  // who takes the place of one that fails has just been asked
  for (size_t i = 0; i < asked && query.is_open; ++i) {
    if (query.sockets[i] < 0) continue;
    if (const int error = host_.ask_again(query.sockets[i], query.bytes)) server_failed(query, i, error, now);
  }
}

void DnsRelay::ask_next(Query& query, TimePoint now) {
  query.next_server_at = now + kPatience;
  while (query.has_another() && open_sockets_ < most_sockets_) {
    const size_t which = query.asked++;
    if (which != 0) ++counters_.failed_over;
    const auto place = static_cast<uint32_t>(&query - queries_.data());
    const auto token = static_cast<uint32_t>(place * kMostServers + which);
    const auto [socket, error] = host_.ask(query.servers[which], query.bytes, token);
    query.sockets[which] = socket;
    if (socket >= 0) {
      ++open_sockets_;
      break;
    }
    if (const auto refusal = to_refusal(error)) query.refusal = refusal;
  }
  go_on(query);
}

void DnsRelay::go_on(Query& query) {
  if (query.has_socket() || query.has_another()) return wake_at(query.deadline());
  give_up(query);
}

void DnsRelay::host_ready(uint32_t token, TimePoint now) {
  const size_t place = token / kMostServers, which = token % kMostServers;
  if (place >= queries_.size()) return;
  Query& query = queries_[place];
  if (!received_) received_ = std::make_unique_for_overwrite<uint8_t[]>(kMostAnswerBytes);
  const auto asked = wire::DnsMessage::parse(query.bytes);
  for (int reads = 0; reads < kMostReads; ++reads) {
    if (!query.is_open || which >= query.asked || query.sockets[which] < 0) return;  // an event that was fetched before it ended
    const ssize_t result = host_.receive(query.sockets[which], {received_.get(), kMostAnswerBytes});
    if (result == -EAGAIN || result == -EINTR) return;
    if (result < 0) return server_failed(query, which, static_cast<int>(-result), now);
    const wire::Bytes bytes(received_.get(), static_cast<size_t>(result));
    const auto answer = wire::DnsMessage::parse(bytes);
    if (answer && asked && answers(*answer, *asked)) return take_answer(query, which, bytes, now);
    ++counters_.strange_answers;
  }
}

void DnsRelay::server_failed(Query& query, size_t which, int error, TimePoint now) {
  hang_up(query, which);
  if (const auto refusal = to_refusal(error)) query.refusal = refusal;
  query.has_another() ? ask_next(query, now) : go_on(query);
}

/// Who knows better than one that lives is not asked first from now on: that one may know the other names, and check them.
void DnsRelay::take_answer(Query& query, size_t which, wire::Bytes answer, TimePoint now) {
  const bool helps = !is_no_help(wire::DnsMessage::parse(answer)->code);
  if (helps) {
    if (which < query.first_of_no_help) servers_.answered(query.servers[which], now);
    ++counters_.answered;
    guest_.answer(query.asker, answer);
    return end(query);
  }
  query.no_help.assign(answer.begin(), answer.end());
  query.first_of_no_help = std::min(query.first_of_no_help, which);
  hang_up(query, which);
  if (now >= query.ends_at()) return give_up(query);
  query.has_another() ? ask_next(query, now) : go_on(query);
}

/// Nobody is left who could help, or the time is up. Who is silent has refused nothing.
void DnsRelay::give_up(Query& query) {
  if (!query.no_help.empty()) {
    ++counters_.answered;
    guest_.answer(query.asker, query.no_help);
  } else if (query.refusal && !query.has_socket()) {
    ++counters_.refused;
    guest_.refuse(query.asker, query.bytes, *query.refusal);
  } else {
    ++counters_.timed_out;
  }
  end(query);
}

void DnsRelay::run(TimePoint now) {
  if (!earliest_ || now < *earliest_) return;
  earliest_.reset();
  for (Query& query : queries_) {
    if (!query.is_open) continue;
    if (now >= query.ends_at()) {
      give_up(query);
    } else if (query.has_another() && now >= query.next_server_at) {
      ask_next(query, now);
    } else {
      wake_at(query.deadline());
    }
  }
}

void DnsRelay::hang_up(Query& query, size_t which) {
  host_.close(std::exchange(query.sockets[which], -1));
  --open_sockets_;
}

void DnsRelay::end(Query& query) {
  for (size_t which = 0; which < query.asked; ++which) {
    if (query.sockets[which] >= 0) hang_up(query, which);
  }
  query.is_open = false;
  query.no_help = {};  // which may be 64 KiB, unlike the query
}

void DnsRelay::wake_at(TimePoint when) { earliest_ = std::min(earliest_.value_or(when), when); }

void DnsRelay::for_each_query(const std::function<void(const Pending&)>& tell) const {
  for (const Query& query : queries_) {
    if (!query.is_open) continue;
    tell({query.asker, query.ends_at(), query.asked == 0 ? -1 : query.sockets[query.asked - 1]});
  }
}

}  // namespace postern::dns
