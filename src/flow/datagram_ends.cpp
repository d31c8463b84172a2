// datagram_ends.cpp - who is who on the other side: what an address of the host's network is called inside, and who may send in.
#include "mappings.h"

namespace postern::flow {

namespace {

constexpr Duration kBetweenTouches = std::chrono::seconds(1);

FlowKey key_of(const Mapping& mapping, const IpAddress& remote, Port port) {
  return {mapping.key.guest, mapping.key.guest_port, remote, port};
}

/// No socket of one family brings the other's, unless it was made otherwise by who published it.
bool is_of_family(const Mapping& mapping, const HostEndpoint& end) { return end.address.index() == mapping.key.guest.index(); }

}  // namespace

/// The namespace has sent to `to`, which it calls seen.remote: from now on that address may send in.
void DatagramEngine::Mappings::allow(Mapping& mapping, const HostEndpoint& to, const FlowKey& seen) {
  mapping.has_aliases |= to.address != seen.remote;
  Peer* known = sent_to_.get(mapping.last_peer);
  const bool is_same =
      known && known->mapping == mapping.handle && known->key.remote == to.address && known->other.address == seen.remote;
  if (is_same && !mapping.has_aliases) {
    if (now_ - known->heard >= kBetweenTouches) sent_to_.touch(*known, now_);
    return;
  }
  known = &sent_to_.remember(key_of(mapping, to.address, Port{}), now_);
  known->mapping = mapping.handle;
  known->other = {seen.remote, Port{}};
  mapping.last_peer = known->handle;
  if (!mapping.has_aliases) return;
  Peer& exact = sent_to_.remember(key_of(mapping, to.address, to.port), now_);
  exact.mapping = mapping.handle;
  exact.other = {seen.remote, seen.remote_port};
}

/// Its place may have been another's.
void DatagramEngine::Mappings::begin_anew(Peer& client) const {
  client.carried_to_guest = client.carried_to_host = 0;
  client.began = now_;
}

/// What inside is called that it is from; nothing: that may not send in by `mapping`.
std::optional<DatagramEngine::Mappings::Visible> DatagramEngine::Mappings::admit(Mapping& mapping,
                                                                                 const DatagramHost::Incoming& datagram) {
  const HostEndpoint& from = datagram.from;
  if (!is_of_family(mapping, from)) return std::nullopt;
  Peer* known = sent_to_.get(mapping.last_peer);
  const bool is_same = known && known->mapping == mapping.handle && known->key.remote == from.address;
  if (!is_same) known = mapping.in_table ? sent_to_.find(key_of(mapping, from.address, Port{})) : nullptr;
  if (known && known->mapping == mapping.handle) {
    mapping.last_peer = known->handle;
    if (now_ - known->heard >= kBetweenTouches) sent_to_.touch(*known, now_);
    return name_of(mapping, from);
  }
  if (mapping.life == Life::published) return admit_client(mapping, datagram);
  const bool may_be_anybody = config_.filtering == Filtering::full_cone && !config_.stand_in(from.address, mapping.key.guest);
  return may_be_anybody ? std::optional(Visible{from.address, from.port}) : std::nullopt;
}

/// The same without asking whether it may, for what is sent to it and for errors about that.
std::optional<DatagramEngine::Mappings::Visible> DatagramEngine::Mappings::name_of(const Mapping& mapping,
                                                                                   const HostEndpoint& end) {
  if (!is_of_family(mapping, end)) return std::nullopt;
  if (!mapping.is_udp()) {
    if (end.address != mapping.last_to.address) return std::nullopt;
    return Visible{mapping.ends.key.remote, {}};
  }
  if (mapping.has_aliases) {
    const Peer* exact = sent_to_.find(key_of(mapping, end.address, end.port));
    if (exact && exact->mapping == mapping.handle) return Visible{exact->other.address, exact->other.port};
  }
  const Peer* known = sent_to_.get(mapping.last_peer);
  if (!known || known->mapping != mapping.handle || known->key.remote != end.address) {
    known = sent_to_.find(key_of(mapping, end.address, Port{}));
  }
  if (known && known->mapping == mapping.handle) return Visible{known->other.address, end.port};
  if (mapping.life != Life::published) return std::nullopt;
  return Visible{config_.stand_in(end.address, mapping.key.guest).value_or(end.address), end.port};
}

/// Any source may send to a published port. One that cannot be shown as itself is shown as the gateway, with its own port if no
/// other such client has that. Which port it got is found again by trying the same ones.
std::optional<DatagramEngine::Mappings::Visible> DatagramEngine::Mappings::admit_client(Mapping& mapping,
                                                                                        const DatagramHost::Incoming& datagram) {
  const HostEndpoint& from = datagram.from;
  constexpr uint16_t kFirstOther = 32'768, kOthers = 28'232;  // where Linux takes ephemeral ports from
  constexpr uint64_t kMostTries = 16;
  const auto stand_in = config_.stand_in(from.address, mapping.key.guest);
  const bool is_itself = !stand_in;
  const uint64_t chance = is_itself ? 0 : hash(key_of(mapping, from.address, from.port), config_.hash_key);
  for (uint64_t tries = 0; tries < (is_itself ? 1 : kMostTries); ++tries) {
    const Port other{static_cast<uint16_t>(kFirstOther + (chance + tries) % kOthers)};
    const Visible shown{stand_in.value_or(from.address), tries == 0 ? from.port : other};
    const FlowKey key = key_of(mapping, shown.address, shown.port);
    Peer* client = clients_.find(key);
    const bool is_ours = client && client->mapping == mapping.handle && client->other == from;
    if (client && !is_ours && !is_itself && mappings_.get(client->mapping)) continue;
    client = &clients_.remember(key, now_);
    if (!is_ours) begin_anew(*client);
    client->mapping = mapping.handle;
    client->other = from;
    client->reached = datagram.to;
    return Visible{shown.address, shown.port, client};
  }
  return std::nullopt;
}

}  // namespace postern::flow
