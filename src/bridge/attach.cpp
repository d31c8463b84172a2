// attach.cpp - endpoints: attach, detach, ports.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "postern/base/text.h"
#include "postern/bridge/host_name.h"
#include "postern/netlink/link.h"
#include "postern/netns/namespace.h"

#include "address_choice.h"
#include "container_link.h"
#include "host_links.h"
#include "host_ports.h"
#include "identifiers.h"
#include "name_server.h"
#include "parts.h"
#include "ports.h"
#include "ruleset.h"

namespace postern::bridge {

namespace {

struct Target {
  UniqueFd fd;
  NamespaceId id;
};

Result<Target> open_target(const std::string& path) {
  auto opened = netns::open_namespaces(path, "");
  if (!opened && opened.error().is(std::errc::no_such_file_or_directory))
    return fail(std::errc::no_such_file_or_directory,
                fmt::format("{}: there is no such namespace (has its process ended?)", path));
  if (!opened) return Failure(opened.error());
  POSTERN_TRY(identity, netns::identity_of(opened->network.get()), "attach");
  POSTERN_TRY(own, netns::identity_of("/proc/self/ns/net"), "attach");
  if (identity == own) return fail(fmt::format("{} is the host's own network namespace", path));
  return Target{std::move(opened->network), {path, identity.device, identity.inode}};
}

Status check_spec(const EndpointSpec& spec) {
  if (!spec.id.empty() && !is_identifier(spec.id))
    return fail(fmt::format("\"{}\" is no id: at most 128 of letters, digits, \".\", \"_\", \"-\", the first a letter or digit",
                            spec.id));
  if (!is_interface_name(spec.interface))
    return fail(
        fmt::format("\"{}\" is no name of a link (at most 15 letters, digits, . _ -; not all, not default)", spec.interface));
  if (spec.mac && (spec.mac->is_multicast() || *spec.mac == Mac()))
    return fail(fmt::format("MAC {}: a device needs one of its own, neither a group's nor all zero", spec.mac->to_string()));
  for (const std::string& name : spec.names) {
    if (!is_host_name(name)) return fail(fmt::format("\"{}\" is no host name (RFC 1123)", name));
  }
  return check_ports(spec.ports);
}

std::string default_id(const NamespaceId& target) { return fmt::format("ns-{}", target.inode); }

/// One address of each of the network's families: those wanted, for the rest the next that are free.
Status claim_addresses(Parts& parts, const Network& network, const EndpointSpec& spec, Endpoint& endpoint) {
  const std::string key = key_of(endpoint);
  for (const IpAddress& wanted : spec.addresses) {
    if (Status claimed = claim_wanted(parts.store, network, wanted, key); !claimed) return claimed;
    const auto subnet = std::ranges::find_if(network.spec.subnets, [&](const Subnet& one) { return one.contains(wanted); });
    endpoint.addresses.push_back({wanted, subnet->prefix_bits});
  }
  for (const bool ipv4 : {true, false}) {
    const auto is_family = [ipv4](const Subnet& subnet) { return subnet.is_ipv4() == ipv4; };
    const auto subnet = std::ranges::find_if(network.spec.subnets, is_family);
    if (subnet == network.spec.subnets.end() || std::ranges::any_of(endpoint.addresses, is_family)) continue;
    const auto claimed = claim_next(parts.store, network, *subnet, key);
    if (!claimed) return Failure(claimed.error());
    endpoint.addresses.push_back({*claimed, subnet->prefix_bits});
  }
  return {};
}

/// What a published port needs: its line for the proxy, the proxy, its elements in the rules.
Status publish_ports(Parts& parts, const Endpoint& published) {
  if (published.ports.empty()) return {};
  POSTERN_CHECK(parts.store.set_ports(parts.store.ports() + port_lines(published)), "ports");
  POSTERN_TRY(is_new, keep_proxy(parts), "ports");
  return change_rules(parts, add_ports(published) + (is_new ? set_proxy(parts.store.proxy()) : ""));
}

/// Where our DNS servers listen; of interest to who wants their port alone.
std::vector<IpAddress> resolvers_beside(const Parts& parts, std::span<const PortRange> ports) {
  static constexpr Port kDns{53};
  std::vector<IpAddress> addresses;
  if (std::ranges::none_of(ports, [](const PortRange& range) { return range.first <= kDns && kDns <= range.last; }))
    return addresses;
  const auto networks = parts.store.networks();
  for (const Network& network : networks ? *networks : std::vector<Network>()) {
    if (!network.spec.names) continue;
    for (const Subnet& subnet : network.spec.subnets) addresses.push_back(subnet.gateway);
  }
  return addresses;
}

bool publishes_udp(const Endpoint& endpoint) {
  return std::ranges::any_of(endpoint.ports, [](const PortRange& range) { return range.protocol == Protocol::udp; });
}

/// Those by which the kernel may remember connections that lead elsewhere now: what was removed, and of UDP what is new.
std::vector<PortRange> ports_to_forget(const Endpoint& before, const Endpoint& after) {
  const std::set<PortRange> old_ones(before.ports.begin(), before.ports.end()), new_ones(after.ports.begin(), after.ports.end());
  std::vector<PortRange> changed;
  std::ranges::set_difference(old_ones, new_ones, std::back_inserter(changed));
  for (const PortRange& range : new_ones) {
    if (range.protocol == Protocol::udp && !old_ones.contains(range)) changed.push_back(range);
  }
  return changed;
}

Status make_endpoint(Parts& parts, const Network& network, const Endpoint& endpoint, const Target& target) {
  POSTERN_CHECK(parts.store.keep(endpoint), "state");
  if (Status made = make_container_link(parts.netlink, network, endpoint, target.fd); !made) return made;
  if (Status published = publish_ports(parts, endpoint); !published) return published;
  if (network.spec.names && !endpoint.names.empty()) {
    std::vector<IpAddress> addresses;
    for (const Subnet& own : endpoint.addresses) addresses.push_back(own.gateway);
    POSTERN_CHECK(add_names(parts.store.names_folder(network.spec.name), key_of(endpoint), endpoint.names, addresses), "names");
  }
  return publishes_udp(endpoint) ? forget_mappings(endpoint) : Status();
}

/// The command that disconnects it: of another interface than the usual one it must be said which.
std::string detach_command(const Endpoint& endpoint) {
  const bool is_usual = endpoint.interface == EndpointSpec().interface;
  return fmt::format("postern bridge detach {} {}{}", endpoint.network, endpoint.id,
                     is_usual ? "" : " --name " + endpoint.interface);
}

/// An endpoint of that key is in the way, unless it is what a namespace that has gone has left.
Status make_way(Parts& parts, const std::string& network, const std::string& key) {
  const auto old = parts.store.endpoint(network, key);
  if (!old) return old.error().is(std::errc::no_such_file_or_directory) ? Status() : Failure(old.error());
  if (netlink::find_link(parts.netlink, old->host_interface))
    return fail(std::errc::file_exists, fmt::format("{} is attached to network {} already, as {} ({})", old->id, network,
                                                    old->interface, detach_command(*old)));
  return remove_endpoint(parts, *old);
}

Result<Endpoint> new_endpoint(const EndpointSpec& spec, const Target& target) {
  Endpoint endpoint;
  endpoint.network = spec.network;
  endpoint.id = spec.id.empty() ? default_id(target.id) : spec.id;
  endpoint.target = target.id;
  endpoint.interface = spec.interface;
  endpoint.names = spec.names;
  if (endpoint.names.empty() && !spec.id.empty() && is_host_name(spec.id)) endpoint.names.push_back(spec.id);
  endpoint.ports = spec.ports;
  endpoint.owner = spec.owner;
  POSTERN_TRY(host_interface, new_host_interface(), "attach");
  endpoint.host_interface = host_interface;
  const auto mac = spec.mac ? Result<Mac>(*spec.mac) : netlink::random_mac();
  if (!mac) return Failure(mac.error());
  endpoint.mac = *mac;
  return endpoint;
}

/// A namespace of ours is named by PID, by the path it was attached by, or by another path to it.
std::string path_of_target(const std::string& which) {
  return whole_number<pid_t>(which) ? fmt::format("/proc/{}/ns/net", which) : which;
}

Result<Endpoint> find_endpoint(const Parts& parts, const std::string& network, const std::string& which,
                               std::string_view interface) {
  if (is_identifier(which)) {
    auto by_id = parts.store.endpoint(network, key_of(which, interface));
    if (by_id || !by_id.error().is(std::errc::no_such_file_or_directory)) return by_id;
  }
  const std::string path = path_of_target(which);
  const auto identity = netns::identity_of(path);
  POSTERN_TRY(endpoints, parts.store.endpoints(network), "state");
  for (const Endpoint& one : endpoints) {
    const bool is_same = identity && one.target.inode == identity->inode && one.target.device == identity->device;
    if (one.interface == interface && (is_same || (!identity && one.target.path == path))) return one;
  }
  return fail(std::errc::no_such_file_or_directory,
              fmt::format("nothing that is called {}, or is there, is attached to network {} as {} (postern bridge inspect {})",
                          which, network, interface, network));
}

Result<Endpoint> attach_one(Parts& parts, const Network& network, const EndpointSpec& spec, const Target& target) {
  auto endpoint = new_endpoint(spec, target);
  if (!endpoint) return endpoint;
  const std::string key = key_of(*endpoint);
  if (Status free = make_way(parts, spec.network, key); !free) return Failure(free.error());
  if (Status free = check_free(spec.ports, parts.store.ports(), resolvers_beside(parts, spec.ports)); !free)
    return Failure(free.error());
  POSTERN_CHECK(parts.store.set_pending({Pending::Operation::attach, spec.network, key, endpoint->host_interface}), "state");
  Status made = claim_addresses(parts, network, spec, *endpoint);
  if (made) made = make_endpoint(parts, network, *endpoint, target);
  if (!made) (void)remove_endpoint(parts, *endpoint);
  POSTERN_CHECK(parts.store.clear_pending(), "state");
  if (!made) return Failure(made.error());
  return endpoint;
}

/// A port or an address that is in the way may be of a container that was killed: nobody else takes those away. To look for
/// them costs the more the more containers there are, so only then.
bool frees_something(Parts& parts) {
  const auto gone = collect_gone(parts);
  return gone && !gone->empty();
}

}  // namespace

Result<Endpoint> Bridge::attach(EndpointSpec spec) {
  if (Status good = check_spec(spec); !good) return Failure(good.error());
  POSTERN_TRY(lock, begin(*parts_), "attach");
  const auto network = find(spec.network);
  if (!network) return Failure(network.error());
  if (network->spec.egress == Egress::nowhere && !spec.ports.empty())
    return fail(fmt::format("network {} is internal: nothing of it can be published", spec.network));
  auto target = open_target(spec.namespace_path);
  if (!target) return Failure(target.error());
  auto attached = attach_one(*parts_, *network, spec, *target);
  if (!attached && frees_something(*parts_)) return attach_one(*parts_, *network, spec, *target);
  return attached;
}

Status Bridge::detach(const std::string& network, const std::string& which, std::string_view interface) {
  POSTERN_TRY(lock, begin(*parts_), "detach");
  const auto known = find(network);
  if (!known) return Failure(known.error());
  const auto endpoint = find_endpoint(*parts_, network, which, interface);
  if (!endpoint) return Failure(endpoint.error());
  POSTERN_CHECK(parts_->store.set_pending({Pending::Operation::detach, network, key_of(*endpoint), endpoint->host_interface}),
                "state");
  POSTERN_CHECK(remove_endpoint(*parts_, *endpoint), "detach");
  return parts_->store.clear_pending();
}

Result<Endpoint> Bridge::publish(const std::string& network, const std::string& id, const std::vector<PortRange>& ports) {
  if (Status good = check_ports(ports); !good) return Failure(good.error());
  return change_ports(network, id, [&](Endpoint& endpoint) -> Result<std::string> {
    if (Status free = check_free(ports, parts_->store.ports(), resolvers_beside(*parts_, ports)); !free)
      return Failure(free.error());
    Endpoint added = endpoint;
    added.ports = ports;
    endpoint.ports.insert(endpoint.ports.end(), ports.begin(), ports.end());
    return add_ports(added);
  });
}

Result<Endpoint> Bridge::unpublish(const std::string& network, const std::string& id, const std::vector<PortRange>& ports) {
  return change_ports(network, id, [&](Endpoint& endpoint) -> Result<std::string> {
    Endpoint removed = endpoint;
    const std::set<PortRange> published(endpoint.ports.begin(), endpoint.ports.end()), unwanted(ports.begin(), ports.end());
    for (const PortRange& range : unwanted) {
      if (!published.contains(range))
        return fail(std::errc::no_such_file_or_directory,
                    fmt::format("{} has not published {} (postern bridge ports ls {} {})", id, range.to_string(), network, id));
    }
    removed.ports.assign(unwanted.begin(), unwanted.end());
    std::erase_if(endpoint.ports, [&](const PortRange& range) { return unwanted.contains(range); });
    return delete_ports(removed);
  });
}

/// `change` makes the endpoint what it is to be, and says by which change of the rules.
Result<Endpoint> Bridge::change_ports(const std::string& network, const std::string& id, const PortChange& change) {
  POSTERN_TRY(lock, begin(*parts_), "ports");
  const auto known = find(network);
  if (!known) return Failure(known.error());
  if (known->spec.egress == Egress::nowhere)
    return fail(fmt::format("network {} is internal: nothing of it can be published", network));
  POSTERN_TRY(before, find_published(network, id), "ports");
  Endpoint after = before;
  auto commands = change(after);
  if (!commands && frees_something(*parts_)) {
    after = before;
    commands = change(after);
  }
  if (!commands) return Failure(commands.error());
  POSTERN_CHECK(parts_->store.set_pending({Pending::Operation::publish, network, key_of(before), before.host_interface}),
                "state");
  const Status changed = put_ports(after, *commands);
  if (!changed) (void)put_ports(before, "");
  POSTERN_CHECK(parts_->store.clear_pending(), "state");
  if (!changed) return Failure(changed.error());
  const std::vector<PortRange> forgotten = ports_to_forget(before, after);
  if (!forgotten.empty()) POSTERN_CHECK(forget_ports(before, forgotten), "ports");
  return after;
}

/// Those of the endpoint of that id, whatever its interface is called.
Result<Endpoint> Bridge::find_published(const std::string& network, const std::string& id) {
  POSTERN_TRY(endpoints, parts_->store.endpoints(network), "state");
  const auto found = std::ranges::find(endpoints, id, &Endpoint::id);
  if (found != endpoints.end()) return *found;
  return fail(std::errc::no_such_file_or_directory,
              fmt::format("nothing called {} is attached to network {} (postern bridge inspect {})", id, network, network));
}

/// Without commands, the rules are made whole.
Status Bridge::put_ports(const Endpoint& endpoint, const std::string& commands) {
  POSTERN_CHECK(parts_->store.keep(endpoint), "state");
  POSTERN_CHECK(write_ports(*parts_), "state");
  POSTERN_TRY(is_new, keep_proxy(*parts_), "ports");
  if (commands.empty()) return make_rules(*parts_);
  return change_rules(*parts_, commands + (is_new ? set_proxy(parts_->store.proxy()) : ""));
}

}  // namespace postern::bridge
