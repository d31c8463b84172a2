#include "postern/dns/name_server.h"

#include <algorithm>

#include "postern/base/text.h"
#include "postern/wire/resolv_conf.h"

namespace postern::dns {

namespace {

/// A zone is named by its link, or by that link's number: RFC 4007 11.2. 0: there is none.
uint32_t scope_of(const std::string& zone, const std::function<uint32_t(const std::string&)>& link_index) {
  const uint32_t index = link_index(zone);
  return index != 0 ? index : whole_number<uint32_t>(zone).value_or(0);
}

}  // namespace

std::vector<NameServer> read_servers(std::string_view resolv_conf_text,
                                     const std::function<uint32_t(const std::string&)>& link_index) {
  std::vector<NameServer> servers;
  for (const std::string& name : wire::name_servers(resolv_conf_text)) {
    std::string_view rest = name;
    const auto address = parse_ip(take_until(rest, '%'));
    const uint32_t scope = rest.empty() ? 0 : scope_of(std::string(rest), link_index);
    if (address && (rest.empty() || scope != 0)) servers.push_back({*address, scope});
  }
  return servers;
}

void ServerChoice::replace(const std::vector<NameServer>& servers) {
  std::vector<NameServer> kept;
  for (const NameServer& server : servers) {
    if (kept.size() < kMostServers && std::find(kept.begin(), kept.end(), server) == kept.end()) kept.push_back(server);
  }
  if (kept.empty()) kept = {{Ipv4::of(127, 0, 0, 1)}, {Ipv6::from_wire(in6addr_loopback)}};
  if (kept == servers_) return;
  servers_ = std::move(kept);
  last_ = {};
}

/// A late answer may be of a server that is not asked any more.
void ServerChoice::answered(const NameServer& server, TimePoint now, Transport by) {
  if (std::find(servers_.begin(), servers_.end(), server) == servers_.end()) return;
  Last& last = last_[static_cast<size_t>(by)];
  if (last.server == server && now - last.since < kMemory) return;
  last = {server, now};
}

std::vector<NameServer> ServerChoice::in_order(TimePoint now, Transport by) const {
  std::vector<NameServer> order = servers_;
  const Last& last = last_[static_cast<size_t>(by)];
  if (!last.server || now - last.since >= kMemory) return order;
  const auto first = std::find(order.begin(), order.end(), *last.server);
  std::rotate(order.begin(), first, first + 1);
  return order;
}

}  // namespace postern::dns
