// check.cpp - what is, beside what should be; and making it so again.
#include <fmt/format.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>

#include "postern/base/log.h"
#include "postern/base/text.h"
#include "postern/netfilter/nftables.h"
#include "postern/netlink/address.h"
#include "postern/netlink/link.h"
#include "postern/process/child.h"
#include "postern/process/detached.h"
#include "postern/process/message_channel.h"

#include "container_link.h"
#include "host_links.h"
#include "live_rules.h"
#include "name_server.h"
#include "orphans.h"
#include "parts.h"
#include "ports.h"
#include "ruleset.h"

namespace postern::bridge {

namespace {

constexpr const char* kReload = "postern bridge reload";
constexpr const char* kCollect = "postern bridge gc";

using Links = std::vector<netlink::Link>;

/// The order says who came first, and nothing else.
std::vector<std::string_view> sorted_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) lines.push_back(take_line(text));
  std::ranges::sort(lines);
  return lines;
}

const netlink::Link* find(const Links& links, std::string_view name) {
  const auto found = std::ranges::find(links, name, &netlink::Link::name);
  return found == links.end() ? nullptr : &*found;
}

class Inspection {
 public:
  explicit Inspection(Parts& parts) : parts_(parts) {}

  Result<std::vector<Problem>> run() {
    POSTERN_TRY(links, netlink::links(parts_.netlink), "check");
    POSTERN_TRY(addresses, netlink::addresses(parts_.netlink), "check");
    const auto networks = parts_.store.readable_networks();
    links_ = std::move(links);
    addresses_ = std::move(addresses);
    for (const Network& network : networks) {
      look_at(network);
      POSTERN_TRY(endpoints, parts_.store.endpoints(network.spec.name), "check");
      for (const Endpoint& endpoint : endpoints) look_at(endpoint, network.spec);
      for (const auto& [key, why] : parts_.store.damaged_endpoints(network.spec.name))
        tell(fmt::format("endpoint {} of {}", key, network.spec.name), why, kCollect);
      std::ranges::move(endpoints, std::back_inserter(endpoints_));
    }
    const auto damaged = parts_.store.damaged_networks();
    for (const auto& [name, why] : damaged) tell("network " + name, why, kCollect);
    look_at_strangers(networks);
    look_at_helpers();
    if (damaged.empty()) POSTERN_CHECK(look_at_rules(networks), "check");  // else nobody knows what they should be
    return std::move(problems_);
  }

 private:
  void tell(std::string object, std::string what, std::string remedy = kReload) {
    problems_.push_back({std::move(object), std::move(what), std::move(remedy)});
  }

  void look_at(const Network& network) {
    const NetworkSpec& spec = network.spec;
    const std::string object = "network " + spec.name;
    const netlink::Link* link = find(links_, spec.name);
    if (!link || link->kind != "bridge") return tell(object, "its bridge is gone");
    if (!link->up) tell(object, "its bridge is down");
    if (link->mac != network.mac)
      tell(object, fmt::format("its bridge has the MAC {} and not {}", link->mac.to_string(), network.mac.to_string()));
    if (spec.mtu_bytes && link->mtu_bytes != *spec.mtu_bytes)
      tell(object, fmt::format("its bridge has an MTU of {} and not {}", link->mtu_bytes, *spec.mtu_bytes));
    if (spec.external && !find(links_, *spec.external))
      tell(object, fmt::format("the host has no link {}, the only one by which it may leave", *spec.external),
           fmt::format("ip link; or down {}, and up with another --external", spec.name));
    look_at_subnets(spec, *link);
    if (spec.names && !name_server_runs(parts_.store.names_folder(spec.name))) tell(object, "its DNS server does not run");
  }

  void look_at_subnets(const NetworkSpec& spec, const netlink::Link& bridge) {
    const std::string object = "network " + spec.name;
    for (const Subnet& subnet : spec.subnets) {
      const bool is_there = std::ranges::any_of(addresses_, [&](const netlink::Address& one) {
        return one.link_index == bridge.index && one.address == subnet.gateway && one.prefix_bits == subnet.prefix_bits;
      });
      if (!is_there)
        tell(object, fmt::format("its bridge lacks the address {}/{}", to_string(subnet.gateway), subnet.prefix_bits));
      const int family = subnet.is_ipv4() ? AF_INET : AF_INET6;
      if (spec.egress == Egress::everywhere && spec.needs_forwarding && !forwards(family))
        tell(object, fmt::format("the host does not forward IPv{}", family == AF_INET ? 4 : 6),
             family == AF_INET ? "sysctl net.ipv4.ip_forward=1" : "sysctl net.ipv6.conf.all.forwarding=1");
    }
  }

  void look_at(const Endpoint& endpoint, const NetworkSpec& spec) {
    const std::string object = fmt::format("endpoint {} of {}", endpoint.id, endpoint.network);
    const netlink::Link* link = find(links_, endpoint.host_interface);
    if (!link) return tell(object, "its namespace, or its link, is gone", kCollect);
    const netlink::Link* bridge = find(links_, endpoint.network);
    if (bridge && link->master != bridge->index) tell(object, fmt::format("its link {} is no port of the bridge", link->name));
    if (!link->up) tell(object, fmt::format("its link {} is down", link->name));
    if (!bridge || link->master != bridge->index) return;
    if (link->isolated != (spec.inter_container == InterContainer::blocked))
      tell(object, fmt::format("its link {} is {}isolated", link->name, link->isolated ? "" : "not "));
    if (!link->hairpin && filters_bridged())
      tell(object, fmt::format("its link {} lacks the hairpin mode that br_netfilter needs", link->name));
  }

  /// Links that look like ours, of nobody.
  void look_at_strangers(const std::vector<Network>& networks) {
    for (const netlink::Link& link : links_) {
      const bool is_port = link.kind == "veth" && is_host_interface(link.name);
      const bool is_bridge = link.kind == "bridge" && link.alias == kAlias;
      if (is_port && std::ranges::find(endpoints_, link.name, &Endpoint::host_interface) == endpoints_.end())
        tell("link " + link.name, "it is of no endpoint", kCollect);
      if (is_bridge && std::ranges::none_of(networks, [&](const Network& one) { return one.spec.name == link.name; }))
        tell("link " + link.name, "it is of no network", kCollect);
    }
  }

  void look_at_helpers() {
    std::string lines;
    for (const Endpoint& endpoint : endpoints_) lines += port_lines(endpoint);
    // They stand in the order in which they came.
    if (sorted_lines(lines) != sorted_lines(parts_.store.ports()))
      tell("published ports", "the list of them is not what the endpoints have");
    const auto proxy = parts_.store.proxy();
    if (proxy && !process::is_running({proxy->pid, proxy->start_time}))
      tell("published ports", "the process that serves 127.0.0.1 and ::1 does not run");
  }

  Status look_at_rules(const std::vector<Network>& networks) {
    if (networks.empty()) return {};
    POSTERN_TRY(difference, compare_rules(whole_ruleset({networks, endpoints_, parts_.store.proxy()})), "rules");
    if (difference) tell("rules", *difference);
    return {};
  }

  Parts& parts_;
  Links links_;
  std::vector<netlink::Address> addresses_;
  std::vector<Endpoint> endpoints_;
  std::vector<Problem> problems_;
};

/// Links that were made, and whose record was not kept or is gone.
Status remove_strangers(Parts& parts, std::vector<std::string>& done) {
  POSTERN_TRY(links, netlink::links(parts.netlink), "gc");
  POSTERN_TRY(endpoints, all_endpoints(parts), "gc");
  for (const netlink::Link& link : links) {
    const bool is_port = link.kind == "veth" && is_host_interface(link.name) &&
                         std::ranges::find(endpoints, link.name, &Endpoint::host_interface) == endpoints.end();
    const bool is_bridge = link.kind == "bridge" && link.alias == kAlias && !parts.store.network(link.name);
    if (!is_port && !is_bridge) continue;
    POSTERN_CHECK(netlink::delete_link(parts.netlink, link.index), "gc");
    done.push_back(fmt::format("link {}: it was of nobody", link.name));
  }
  return {};
}

Status release_unheld(Parts& parts, const std::string& network, std::vector<std::string>& done) {
  POSTERN_TRY(claims, parts.store.claims(network), "gc");
  for (const auto& [address, key] : claims) {
    const auto holder = parts.store.endpoint(network, key);
    if (holder || !holder.error().is(std::errc::no_such_file_or_directory)) continue;
    POSTERN_CHECK(parts.store.release(network, address), "gc");
    done.push_back(fmt::format("address {} of {}: nobody has it", to_string(address), network));
  }
  return {};
}

Status collect_network(Parts& parts, const std::string& network, std::vector<std::string>& done) {
  POSTERN_TRY(endpoints, parts.store.endpoints(network), "gc");
  for (const Endpoint& endpoint : endpoints) {
    if (netlink::find_link(parts.netlink, endpoint.host_interface)) continue;
    POSTERN_CHECK(remove_endpoint(parts, endpoint), "gc");
    done.push_back(fmt::format("endpoint {} of {}: its namespace is gone", endpoint.id, network));
  }
  return release_unheld(parts, network, done);
}

}  // namespace

Result<std::vector<std::string>> collect_gone(Parts& parts) {
  std::vector<std::string> done;
  POSTERN_TRY(networks, parts.store.networks(), "state");
  for (const Network& network : networks) POSTERN_CHECK(collect_network(parts, network.spec.name, done), "collect");
  return done;
}

namespace {

/// A network that is known looks after its own server: it may have children that answer over TCP, whose command line is the same.
bool is_recorded(const Parts& parts, const RunningHelper& running) {
  if (running.helper.kind == Helper::Kind::name_server) {
    const auto network = parts.store.network(running.helper.network);
    return network || !network.error().is(std::errc::no_such_file_or_directory);
  }
  const auto proxy = parts.store.proxy();
  return proxy && process::ProcessIdentity{proxy->pid, proxy->start_time} == running.process;
}

/// Helpers of a state that was lost.
Status end_orphans(Parts& parts, std::vector<std::string>& done) {
  constexpr Duration kPatience = std::chrono::seconds(2);
  for (const RunningHelper& running : running_helpers(parts.store.folder(), parts.places.proxy_program)) {
    if (is_recorded(parts, running)) continue;
    POSTERN_CHECK(process::end_process(running.process, kPatience), "gc");
    const bool is_proxy = running.helper.kind == Helper::Kind::proxy;
    const std::string what = is_proxy ? "the loopback proxy" : "the DNS server of " + running.helper.network;
    done.push_back(fmt::format("process {}, {}: it was of nobody", running.process.pid, what));
  }
  return {};
}

/// Networks first: while there is one whose record cannot be read, no rules can be made.
Status collect_damaged_networks(Parts& parts, std::vector<std::string>& done) {
  const auto damaged = parts.store.damaged_networks();
  for (const auto& [name, why] : damaged) POSTERN_CHECK(parts.store.forget_record(name), "gc");
  for (const auto& [name, why] : damaged) {
    POSTERN_CHECK(remove_network(parts, name), "gc");
    done.push_back(fmt::format("network {}: {}", name, why));
  }
  return {};
}

Status collect_damaged_endpoints(Parts& parts, std::vector<std::string>& done) {
  POSTERN_TRY(networks, parts.store.networks(), "gc");
  for (const Network& network : networks) {
    for (const auto& [key, why] : parts.store.damaged_endpoints(network.spec.name)) {
      POSTERN_CHECK(remove_damaged_endpoint(parts, network.spec.name, key), "gc");
      done.push_back(fmt::format("endpoint {} of {}: {}", key, network.spec.name, why));
    }
  }
  return {};
}

/// Ports that were of the bridge when it was deleted.
Status put_back_ports(Parts& parts, const Network& network) {
  POSTERN_TRY(bridge, netlink::find_link(parts.netlink, network.spec.name), "reload");
  POSTERN_TRY(endpoints, parts.store.endpoints(network.spec.name), "reload");
  for (const Endpoint& endpoint : endpoints) {
    const auto link = netlink::find_link(parts.netlink, endpoint.host_interface);
    if (link) POSTERN_CHECK(make_port(parts.netlink, network, *link, bridge.index), "reload");
  }
  return {};
}

Status make_again(Parts& parts, const Network& network) {
  if (Status made = make_bridge(parts.netlink, network); !made) return made;
  POSTERN_TRY(link, netlink::find_link(parts.netlink, network.spec.name), "reload");
  const unsigned mtu_bytes = network.spec.mtu_bytes.value_or(link.mtu_bytes);
  if (link.mac != network.mac || link.mtu_bytes != mtu_bytes) {
    netlink::LinkSettings settings;
    settings.mac = network.mac;
    settings.mtu_bytes = mtu_bytes;
    POSTERN_CHECK(netlink::configure_link(parts.netlink, link.index, settings), "reload");
  }
  if (Status put = put_back_ports(parts, network); !put) return put;
  return start_names(parts, network);
}

}  // namespace

Result<std::vector<Problem>> Bridge::check() {
  POSTERN_TRY(lock, parts_->store.lock_to_look(), "check");
  POSTERN_TRY(pending, parts_->store.pending(), "check");
  auto problems = Inspection(*parts_).run();
  if (problems && pending)
    problems->insert(problems->begin(),
                     {"network " + pending->network, "an operation on it was ended half-way", "postern bridge gc"});
  return problems;
}

Result<std::vector<std::string>> Bridge::gc() {
  POSTERN_TRY(lock, parts_->store.lock(), "gc");
  std::vector<std::string> done;
  POSTERN_CHECK(collect_damaged_networks(*parts_, done), "gc");
  POSTERN_CHECK(undo_pending(*parts_), "gc");
  POSTERN_CHECK(collect_damaged_endpoints(*parts_, done), "gc");
  POSTERN_TRY(gone, collect_gone(*parts_), "gc");
  std::ranges::move(gone, std::back_inserter(done));
  POSTERN_CHECK(remove_strangers(*parts_, done), "gc");
  POSTERN_CHECK(end_orphans(*parts_, done), "gc");
  POSTERN_CHECK(parts_->store.remove_unfinished(), "gc");
  POSTERN_CHECK(settle(*parts_), "gc");
  return done;
}

Status Bridge::reload() {
  POSTERN_TRY(lock, begin(*parts_), "reload");
  POSTERN_TRY(networks, parts_->store.networks(), "reload");
  for (const Network& network : networks) {
    POSTERN_CHECK(make_again(*parts_, network), "reload network " + network.spec.name);
  }
  return settle(*parts_);
}

}  // namespace postern::bridge
