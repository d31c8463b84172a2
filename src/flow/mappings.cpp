// mappings.cpp - how mappings begin and end, and whose turn it is.
#include "mappings.h"

#include <algorithm>
#include <cerrno>

namespace postern::flow {

namespace {

constexpr Port kDnsPort{53};
constexpr std::array<std::chrono::seconds, 4> kIdle = {
    std::chrono::seconds(30), std::chrono::seconds(120),  // as Linux, net.netfilter.nf_conntrack_udp_timeout and _stream
    std::chrono::seconds(10), std::chrono::seconds(60)};
constexpr std::chrono::seconds kIdleOfPeer = kIdle[1];
constexpr Duration kBetweenLooksAtPeers = std::chrono::seconds(10);
constexpr Duration kBeforeTrimming = std::chrono::seconds(5);
constexpr int kMappingsPerTurn = 16;
constexpr size_t kBytesPerTurn = size_t{256} * 1024;
constexpr size_t kMostPublished = 131'072;  // every port of both families

std::chrono::seconds idle_of(Mapping::Life life) { return kIdle[static_cast<size_t>(life)]; }

uint32_t places_for(const DatagramConfig& config) {
  return static_cast<uint32_t>(std::min<size_t>(2 * config.max_flows + kMostPublished, Handle::kMaxObjects));
}

/// A UDP port inside speaks to many by one socket, an echo's id to one.
FlowKey key_of(const DatagramEnds& ends) {
  FlowKey key = ends.key;
  key.remote_port = {};
  if (ends.kind == DatagramKind::udp) key.remote = key.is_v4() ? IpAddress(Ipv4{}) : IpAddress(Ipv6{});
  return key;
}

}  // namespace

DatagramEngine::Mappings::Mappings(const DatagramConfig& config, DatagramGuest& guest, DatagramHost& host)
    : config_(config),
      guest_(guest),
      host_(host),
      mappings_(places_for(config)),
      udp_(config.hash_key),
      echo_(config.hash_key),
      sent_to_(config.max_peers, config.hash_key),
      clients_(config.max_peers, config.hash_key) {}

DatagramEngine::Mappings::~Mappings() {
  mappings_.for_each([this](Mapping& mapping) {
    if (mapping.life != Life::closed) host_.close(mapping.socket);
  });
}

Mapping* DatagramEngine::Mappings::find(const DatagramEnds& ends) {
  const FlowKey key = key_of(ends);
  if (last_ && last_->ends.kind == ends.kind && last_->key == key) return last_;
  const FlowTable& table = ends.kind == DatagramKind::udp ? udp_ : echo_;
  const auto index = table.find(key, [this](uint32_t i) -> const FlowKey& { return mappings_.at(i).key; });
  return index ? last_ = &mappings_.at(*index) : nullptr;
}

Mapping* DatagramEngine::Mappings::open(const DatagramEnds& ends, const HostEndpoint& to) {
  Mapping* opened = make_room(ends.kind) ? mappings_.emplace(key_of(ends), ends) : nullptr;
  if (!opened) {
    ++counters_.dropped_at_limit;
    return nullptr;
  }
  Mapping& mapping = *opened;
  mapping.handle = mappings_.handle_of(mapping);
  auto opening = host_.open(ends, to, mapping.handle.packed());
  if ((opening.error == EMFILE || opening.error == ENFILE) && give_way()) {
    opening = host_.open(ends, to, mapping.handle.packed());
  }
  if (opening.socket < 0) {
    mappings_.erase(mapping.handle);
    could_not_open(ends, opening.error);
    return nullptr;
  }
  mapping.socket = opening.socket;
  mapping.in_table = true;
  mapping.last_to = to;
  mapping.heard = mapping.began = now_;
  mapping.life = !mapping.is_udp() ? Life::echo : ends.key.remote_port == kDnsPort ? Life::dns : Life::fresh;
  by_life_[static_cast<size_t>(mapping.life)].append(mapping);
  table_of(mapping).insert(mapping.key, mapping.handle.index);
  ++open_flows_;
  if (!mapping.is_udp()) ++open_echo_;
  ++counters_.opened;
  return &mapping;
}

bool DatagramEngine::Mappings::make_room(DatagramKind kind) {
  if (kind == DatagramKind::echo && open_echo_ >= config_.max_echo) {
    ++counters_.evicted;
    close(*by_life_[static_cast<size_t>(Life::echo)].first());
  }
  const auto is_full = [this] { return open_flows_ + others_flows_ >= config_.max_flows; };
  return !is_full() || (give_way() && !is_full());
}

/// Who would end next in any case. Within a life that is who has been idle longest.
bool DatagramEngine::Mappings::give_way() {
  Mapping* next = nullptr;
  for (const ByAge& list : by_life_) {
    Mapping* const oldest = list.first();
    if (!oldest) continue;
    if (!next || oldest->heard + idle_of(oldest->life) < next->heard + idle_of(next->life)) next = oldest;
  }
  if (!next) return false;
  ++counters_.evicted;
  close(*next);
  return true;
}

void DatagramEngine::Mappings::close(Mapping& mapping) {
  if (mapping.life == Life::closed) return;
  if (mapping.first_waiting != 0) send_waiting(mapping);
  if (mapping.life != Life::published) {
    by_life_[static_cast<size_t>(mapping.life)].remove(mapping);
    --open_flows_;
    if (!mapping.is_udp()) --open_echo_;
  }
  if (mapping.in_table) table_of(mapping).erase(mapping.key, mapping.handle.index);
  if (std::exchange(mapping.in_run_queue, false)) run_queue_.remove(mapping);
  mapping.life = Life::closed;
  host_.close(mapping.socket);
  if (last_ == &mapping) last_ = nullptr;
  dead_.push_back(&mapping);
}

/// It is as young as it gets, in `life`.
void DatagramEngine::Mappings::heard(Mapping& mapping, Life life) {
  if (mapping.life == Life::published || mapping.life == Life::closed) return;
  if (mapping.heard == now_ && mapping.life == life) return;
  by_life_[static_cast<size_t>(mapping.life)].remove(mapping);
  mapping.life = life;
  mapping.heard = now_;
  by_life_[static_cast<size_t>(life)].append(mapping);
}

std::optional<uint32_t> DatagramEngine::Mappings::publish(const Publication& publication) {
  const FlowKey end{publication.guest, publication.guest_port, {}, {}};
  DatagramEnds ends{DatagramKind::udp, end, publication.guest_mac, publication.gateway_mac};
  ends.key.remote = ends.key.is_v4() ? IpAddress(Ipv4{}) : IpAddress(Ipv6{});
  Mapping* const mapping = mappings_.emplace(key_of(ends), ends);
  if (!mapping) return std::nullopt;
  mapping->handle = mappings_.handle_of(*mapping);
  mapping->socket = publication.socket;
  mapping->life = Life::published;
  mapping->is_way_out = publication.is_way_out;
  if (Mapping* const own = find(ends); own && own->life != Life::published && mapping->is_way_out) close(*own);
  lead_out(*mapping);
  return mapping->handle.packed();
}

/// If no other does.
void DatagramEngine::Mappings::lead_out(Mapping& published) {
  if (!published.is_way_out) return;
  published.in_table = !find(published.ends);
  if (published.in_table) {
    udp_.insert(published.key, published.handle.index);
  } else {
    ++second_ways_;
  }
}

void DatagramEngine::Mappings::unpublish(uint32_t token) {
  Mapping* const mapping = mappings_.get(Handle::unpack(token));
  if (!mapping || mapping->life == Life::closed) return;
  const bool led_out = mapping->in_table;
  if (mapping->is_way_out && !led_out) --second_ways_;
  close(*mapping);
  if (!led_out || second_ways_ == 0) return;
  Mapping* next = nullptr;
  mappings_.for_each([&](Mapping& other) {
    const bool is_one = other.life == Life::published && other.is_way_out && !other.in_table;
    if (is_one && other.key == mapping->key) next = &other;
  });
  if (!next) return;
  --second_ways_;
  lead_out(*next);
}

void DatagramEngine::Mappings::want_run(Mapping& mapping) {
  if (!std::exchange(mapping.in_run_queue, true)) run_queue_.append(mapping);
}

void DatagramEngine::Mappings::host_ready(uint32_t token, Readiness readiness) {
  Mapping* const mapping = mappings_.get(Handle::unpack(token));
  if (!mapping || mapping->life == Life::closed) return;
  mapping->can_read |= readiness.readable;
  mapping->may_have_failed |= readiness.failed;
  want_run(*mapping);
}

void DatagramEngine::Mappings::run() {
  expire();
  pulled_bytes_ = 0;
  for (int served = 0; served < kMappingsPerTurn && pulled_bytes_ < kBytesPerTurn && !run_queue_.empty();) {
    Mapping& mapping = run_queue_.take_first();
    mapping.in_run_queue = false;
    serve(mapping);
    ++served;
    if (mapping.life != Life::closed && (mapping.can_read || mapping.may_have_failed)) want_run(mapping);
  }
  if (pulled_bytes_ != 0) trim_at_ = now_ + kBeforeTrimming;
  if (trim_at_ && now_ >= *trim_at_) {
    trim_at_.reset();
    host_.trim();
  }
  end_burst();
  reap();
}

void DatagramEngine::Mappings::expire() {
  for (const ByAge& list : by_life_) {
    while (Mapping* const oldest = list.first()) {
      if (now_ - oldest->heard < idle_of(oldest->life)) break;
      close(*oldest);
    }
  }
  if (now_ - peers_looked_at_ < kBetweenLooksAtPeers) return;
  peers_looked_at_ = now_;
  sent_to_.expire(now_ - kIdleOfPeer);
  clients_.expire(now_ - kIdleOfPeer);
}

void DatagramEngine::Mappings::reap() {
  for (Mapping* mapping : dead_) mappings_.erase(mapping->handle);
  dead_.clear();
}

std::optional<TimePoint> DatagramEngine::Mappings::next_deadline() const {
  std::optional<TimePoint> next = trim_at_;
  const auto consider = [&next](TimePoint due) { next = next ? std::min(*next, due) : due; };
  for (const ByAge& list : by_life_) {
    if (const Mapping* oldest = list.first()) consider(oldest->heard + idle_of(oldest->life));
  }
  for (const PeerTable* peers : {&sent_to_, &clients_}) {
    if (peers->oldest())
      consider(std::max(peers->oldest()->heard + kIdleOfPeer + kBetweenLooksAtPeers, peers_looked_at_ + kBetweenLooksAtPeers));
  }
  return next;
}

void DatagramEngine::Mappings::for_each_flow(const std::function<void(const Flow&)>& tell) {
  const auto left = [this](TimePoint heard, std::chrono::seconds idle) {
    return std::chrono::duration_cast<std::chrono::seconds>(std::max(heard + idle - now_, Duration::zero()));
  };
  for (const ByAge& list : by_life_) {
    for (const Mapping* mapping = list.first(); mapping; mapping = list.behind(*mapping)) {
      tell({mapping->ends, false, mapping->socket, left(mapping->heard, idle_of(mapping->life)), mapping->carried_to_guest,
            mapping->carried_to_host, mapping->began});
    }
  }
  clients_.for_each([&](const Peer& client) {
    const Mapping* const mapping = mappings_.get(client.mapping);
    if (!mapping || mapping->life != Life::published) return;
    const DatagramEnds ends{DatagramKind::udp, client.key, mapping->ends.guest_mac, mapping->ends.gateway_mac};
    tell({ends, true, mapping->socket, left(client.heard, kIdleOfPeer), client.carried_to_guest, client.carried_to_host,
          client.began});
  });
}

/// As input() finds it: an answer to a client of a published port first.
std::optional<DatagramEngine::Way> DatagramEngine::Mappings::way_of(const DatagramEnds& ends) {
  const Peer* const client = ends.kind == DatagramKind::udp ? clients_.find(ends.key) : nullptr;
  const Mapping* const published = client ? mappings_.get(client->mapping) : nullptr;
  if (published && published->life == Life::published) return DatagramEngine::Way{published->socket, client->other};
  const Mapping* const mapping = find(ends);
  const auto to = mapping ? host_.destination(ends.key.remote, ends.key.remote_port) : std::nullopt;
  return to ? std::optional(DatagramEngine::Way{mapping->socket, *to}) : std::nullopt;
}

DatagramEngine::DatagramEngine(const DatagramConfig& config, DatagramGuest& guest, DatagramHost& host)
    : mappings_(std::make_unique<Mappings>(config, guest, host)) {}
DatagramEngine::~DatagramEngine() = default;

void DatagramEngine::input(const GuestDatagram& datagram, TimePoint now) {
  mappings_->set_now(now);
  mappings_->input(datagram);
}
void DatagramEngine::leave_room_for(size_t flows) { mappings_->leave_room_for(flows); }
bool DatagramEngine::give_way() { return mappings_->give_way(); }
void DatagramEngine::end_burst(TimePoint now) {
  mappings_->set_now(now);
  mappings_->end_burst();
}
void DatagramEngine::host_ready(uint32_t token, Readiness readiness, TimePoint now) {
  mappings_->set_now(now);
  mappings_->host_ready(token, readiness);
}
void DatagramEngine::run(TimePoint now) {
  mappings_->set_now(now);
  mappings_->run();
}
bool DatagramEngine::has_work() const { return mappings_->has_work(); }
std::optional<TimePoint> DatagramEngine::next_deadline() const { return mappings_->next_deadline(); }
std::optional<uint32_t> DatagramEngine::publish(const Publication& publication) { return mappings_->publish(publication); }
void DatagramEngine::unpublish(uint32_t token) { mappings_->unpublish(token); }
size_t DatagramEngine::open_flows() const { return mappings_->open_flows(); }
void DatagramEngine::for_each_flow(TimePoint now, const std::function<void(const Flow&)>& tell) const {
  mappings_->set_now(now);
  mappings_->for_each_flow(tell);
}
std::optional<DatagramEngine::Way> DatagramEngine::way_of(DatagramKind kind, const FlowKey& key) const {
  return mappings_->way_of({kind, key, {}, {}});
}
const DatagramEngine::Counters& DatagramEngine::counters() const { return mappings_->counters(); }

}  // namespace postern::flow
