// settle.cpp - what follows from the state: rules, the list of ports, helpers; and taking things away.
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>

#include "postern/base/log.h"
#include "postern/base/text.h"
#include "postern/netfilter/conntrack.h"
#include "postern/netfilter/nftables.h"
#include "postern/netlink/link.h"
#include "postern/process/detached.h"

#include "host_links.h"
#include "name_server.h"
#include "parts.h"
#include "ports.h"
#include "prefix.h"
#include "ruleset.h"

namespace postern::bridge {

namespace {

using namespace std::chrono_literals;

constexpr Duration kPatience = 2s;  // with a helper that starts or ends

/// The first failure of several steps that are all to be tried.
class FirstFailure {
 public:
  void note(const Status& status) {
    if (!status && status_) status_ = status;
  }
  const Status& status() const { return status_; }

 private:
  Status status_;
};

Status commit(const std::string& commands) {
  POSTERN_TRY(nftables, netfilter::Nftables::open(), "rules");
  POSTERN_CHECK(nftables.commit(commands), "rules");
  return {};
}

process::ProcessIdentity identity_of(const ProxyRecord& proxy) { return {proxy.pid, proxy.start_time}; }

bool needs_proxy(std::string_view port_lines) {
  const auto published = parse_port_lines(port_lines);
  return std::ranges::any_of(published, [](const PublishedRange& one) {
    return serves_loopback(one.range, AF_INET) || serves_loopback(one.range, AF_INET6);
  });
}

/// "40001 40002": the ports it listens on.
std::optional<ProxyRecord> read_answer(const process::Detached& started) {
  ProxyRecord proxy{.pid = started.identity.pid, .start_time = started.identity.start_time, .port4 = {}, .port6 = {}};
  std::string_view rest = started.said;
  const auto port4 = whole_number<uint16_t>(take_word(rest)), port6 = whole_number<uint16_t>(take_word(rest));
  if (!port4 || !port6) return std::nullopt;
  proxy.port4 = Port{*port4};
  proxy.port6 = Port{*port6};
  return proxy;
}

Status start_proxy(Parts& parts) {
  POSTERN_TRY(started, process::start_detached({parts.places.proxy_program, "proxy", parts.store.ports_file()}, kPatience),
              "start the loopback proxy");
  const auto proxy = read_answer(started);
  if (!proxy) return fail(fmt::format("the loopback proxy said \"{}\" in the place of its ports", started.said));
  return parts.store.set_proxy(*proxy);
}

/// A bridge gets its alias, by which it is known for ours, after it is made: netlink/bridge_link.h. One without was made by an
/// `up` that was killed there, if its MAC is the one that was drawn for it; nothing leads to it yet.
Status delete_unfinished_bridge(Parts& parts, const std::string& name) {
  const auto network = parts.store.network(name);
  const auto link = netlink::find_link(parts.netlink, name);
  if (!network || !link || link->kind != "bridge" || !link->alias.empty() || link->mac != network->mac) return {};
  return netlink::delete_link(parts.netlink, link->index);
}

/// Those of endpoints whose records could not be read; all others have gone before.
Status delete_ports_of(Parts& parts, const netlink::Link& bridge) {
  POSTERN_TRY(links, netlink::links(parts.netlink), "links");
  for (const netlink::Link& link : links) {
    if (link.master != bridge.index || link.kind != "veth" || !is_host_interface(link.name)) continue;
    POSTERN_CHECK(netlink::delete_link(parts.netlink, link.index), "links");
  }
  return {};
}

Status undo(Parts& parts, const Pending& pending) {
  switch (pending.operation) {
    case Pending::Operation::up:
    case Pending::Operation::down: return remove_network(parts, pending.network);
    case Pending::Operation::attach:
    case Pending::Operation::detach: {
      const auto kept = parts.store.endpoint(pending.network, pending.endpoint);
      if (kept) return remove_endpoint(parts, *kept);
      if (!kept.error().is(std::errc::no_such_file_or_directory))
        return remove_damaged_endpoint(parts, pending.network, pending.endpoint);
      // Its addresses are claimed before it is written down, and given back after it is crossed out.
      const auto claims = parts.store.claims(pending.network);
      if (!claims) return Failure(claims.error());
      for (const auto& [address, key] : *claims) {
        if (key.empty() || key == pending.endpoint) POSTERN_CHECK(parts.store.release(pending.network, address), "undo");
      }
      return {};
    }
    case Pending::Operation::publish:  // the record says which ports there are; settle() sees to the rest
      return {};
  }
  return {};
}

bool has_address(const Endpoint& endpoint, const IpAddress& address) {
  return std::ranges::any_of(endpoint.addresses, [&](const Subnet& own) { return own.gateway == address; });
}

bool came_by(const netfilter::Connection& one, std::span<const PortRange> ports) {
  return std::ranges::any_of(ports, [&](const PortRange& range) {
    return one.ip_protocol == (range.protocol == Protocol::tcp ? IPPROTO_TCP : IPPROTO_UDP) &&
           range.first <= one.original_destination_port && one.original_destination_port <= range.last;
  });
}

/// One that may go on to where its port led before, or to nobody of ours: it has no end that would tell.
bool is_old_datagram(const netfilter::Connection& one, std::span<const PortRange> ports) {
  return one.ip_protocol == IPPROTO_UDP && came_by(one, ports);
}

}  // namespace

Result<UniqueFd> begin(Parts& parts) {
  POSTERN_TRY(lock, parts.store.lock(), "state");
  if (Status undone = undo_pending(parts); !undone) return Failure(undone.error());
  return lock;
}

Status undo_pending(Parts& parts) {
  POSTERN_TRY(pending, parts.store.pending(), "state");
  if (!pending) return {};
  log::info("an operation on network {} was ended half-way; it is undone first", pending->network);
  POSTERN_CHECK(undo(parts, *pending), "undo what was left half-made");
  POSTERN_CHECK(settle(parts), "undo what was left half-made");
  POSTERN_CHECK(parts.store.clear_pending(), "undo what was left half-made");
  return {};
}

Result<std::vector<Endpoint>> all_endpoints(const Parts& parts) {
  POSTERN_TRY(networks, parts.store.networks(), "state");
  std::vector<Endpoint> all;
  for (const Network& network : networks) {
    POSTERN_TRY(endpoints, parts.store.endpoints(network.spec.name), "state");
    std::ranges::move(endpoints, std::back_inserter(all));
  }
  return all;
}

Status write_ports(Parts& parts) {
  POSTERN_TRY(endpoints, all_endpoints(parts), "ports");
  std::string lines;
  for (const Endpoint& endpoint : endpoints) lines += port_lines(endpoint);
  return parts.store.set_ports(lines);
}

Result<bool> keep_proxy(Parts& parts) {
  const auto proxy = parts.store.proxy();
  const bool runs = proxy && process::is_running(identity_of(*proxy));
  const bool is_needed = needs_proxy(parts.store.ports());
  if (runs == is_needed && (runs || !proxy)) return false;
  if (is_needed) {
    POSTERN_CHECK(start_proxy(parts), "published ports");
    return true;
  }
  if (runs) POSTERN_CHECK(process::end_process(identity_of(*proxy), kPatience), "end the loopback proxy");
  POSTERN_CHECK(parts.store.forget_proxy(), "state");
  return true;
}

Status make_rules(Parts& parts) {
  POSTERN_TRY(networks, parts.store.networks(), "rules");
  if (networks.empty()) return commit(fmt::format("add table {}\n{}", kTable, no_ruleset()));
  POSTERN_TRY(endpoints, all_endpoints(parts), "rules");
  return commit(whole_ruleset({networks, endpoints, parts.store.proxy()}));
}

Status change_rules(Parts& parts, const std::string& commands) {
  if (commands.empty()) return {};
  Status changed = commit(commands);
  if (changed || !changed.error().is(std::errc::no_such_file_or_directory)) return changed;
  log::warning("the rules of bridge networks were gone, or not what they should be (a foreign `nft flush ruleset`?); made again");
  return make_rules(parts);
}

Status settle(Parts& parts) {
  POSTERN_CHECK(write_ports(parts), "settle");
  POSTERN_TRY(changed, keep_proxy(parts), "settle");
  (void)changed;
  POSTERN_CHECK(make_rules(parts), "settle");
  return {};
}

Status forget_mappings(const Endpoint& endpoint) {
  const auto forgotten = netfilter::forget_connections([&](const netfilter::Connection& one) {
    return has_address(endpoint, one.original_source) || has_address(endpoint, one.reply_source) ||
           is_old_datagram(one, endpoint.ports);
  });
  return forgotten ? Status() : Failure(forgotten.error());
}

Status forget_ports(const Endpoint& endpoint, std::span<const PortRange> ports) {
  const auto forgotten = netfilter::forget_connections([&](const netfilter::Connection& one) {
    return is_old_datagram(one, ports) || (has_address(endpoint, one.reply_source) && came_by(one, ports));
  });
  return forgotten ? Status() : Failure(forgotten.error());
}

Status remove_endpoint(Parts& parts, const Endpoint& endpoint) {
  FirstFailure failures;
  Endpoint without_ports = endpoint;
  without_ports.ports.clear();
  if (!endpoint.ports.empty()) {
    failures.note(parts.store.keep(without_ports));
    failures.note(change_rules(parts, delete_ports(endpoint)));
    failures.note(write_ports(parts));
    const auto changed = keep_proxy(parts);
    failures.note(changed ? Status() : Status(Failure(changed.error())));
    if (changed && *changed) failures.note(change_rules(parts, set_proxy(parts.store.proxy())));
  }
  if (!endpoint.names.empty()) failures.note(remove_names(parts.store.names_folder(endpoint.network), key_of(endpoint)));
  if (const auto link = netlink::find_link(parts.netlink, endpoint.host_interface)) {
    const Status deleted = netlink::delete_link(parts.netlink, link->index);
    if (!deleted && !deleted.error().is(std::errc::no_such_device)) failures.note(deleted);
  }
  failures.note(forget_mappings(endpoint));
  failures.note(parts.store.forget_endpoint(endpoint.network, key_of(endpoint)));
  for (const Subnet& own : endpoint.addresses) failures.note(parts.store.release(endpoint.network, own.gateway));
  return failures.status();
}

Status remove_damaged_endpoint(Parts& parts, const std::string& network, const std::string& key) {
  FirstFailure failures;
  Endpoint remains;
  const auto claims = parts.store.claims(network);
  for (const auto& [address, holder] : claims ? *claims : std::vector<Store::Claim>()) {
    if (holder == key) remains.addresses.push_back({address, width(address)});
  }
  (void)remove_names(parts.store.names_folder(network), key);  // what is no file's name has no file
  failures.note(forget_mappings(remains));
  failures.note(parts.store.forget_endpoint(network, key));
  for (const Subnet& own : remains.addresses) failures.note(parts.store.release(network, own.gateway));
  return failures.status();
}

Status remove_network(Parts& parts, const std::string& name) {
  FirstFailure failures;
  const auto endpoints = parts.store.endpoints(name);
  for (const Endpoint& endpoint : endpoints ? *endpoints : std::vector<Endpoint>())
    failures.note(remove_endpoint(parts, endpoint));
  const auto damaged = parts.store.damaged_endpoints(name);
  for (const Store::Damaged& one : damaged) failures.note(remove_damaged_endpoint(parts, name, one.name));
  if (!damaged.empty()) {  // nobody knows which ports were theirs
    failures.note(write_ports(parts));
    const auto kept = keep_proxy(parts);
    failures.note(kept ? Status() : Status(Failure(kept.error())));
  }
  failures.note(stop_name_server(parts.store.names_folder(name)));
  failures.note(delete_unfinished_bridge(parts, name));
  failures.note(parts.store.forget_network(name));
  failures.note(make_rules(parts));
  const auto link = netlink::find_link(parts.netlink, name);
  if (link && link->kind == "bridge" && link->alias == kAlias) {
    failures.note(delete_ports_of(parts, *link));
    failures.note(netlink::delete_link(parts.netlink, link->index));
  }
  return failures.status();
}

Status start_names(Parts& parts, const Network& network) {
  if (!network.spec.names) return {};
  NameServerPlan plan{.folder = parts.store.names_folder(network.spec.name),
                      .network = network.spec.name,
                      .bridge = network.spec.name,
                      .addresses = {},
                      .has_upstream = network.spec.egress == Egress::everywhere};
  for (const Subnet& subnet : network.spec.subnets) plan.addresses.push_back(subnet.gateway);
  return start_name_server(plan);
}

}  // namespace postern::bridge
