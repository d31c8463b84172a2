// bridge.cpp - opening, networks up and down, lists.
#include "postern/bridge/bridge.h"

#include <fmt/format.h>
#include <sys/capability.h>
#include <unistd.h>

#include <algorithm>

#include "postern/netlink/link.h"

#include "address_choice.h"
#include "host_links.h"
#include "identifiers.h"
#include "parts.h"
#include "prefix.h"

namespace postern::bridge {

namespace {

struct FreeCapabilities {
  void operator()(cap_t capabilities) const { ::cap_free(capabilities); }
};

bool holds(cap_t capabilities, cap_value_t wanted) {
  cap_flag_value_t value = CAP_CLEAR;
  return ::cap_get_flag(capabilities, wanted, CAP_EFFECTIVE, &value) == 0 && value == CAP_SET;
}

Status check_privileges() {
  const std::unique_ptr<std::remove_pointer_t<cap_t>, FreeCapabilities> own(::cap_get_proc());
  if (!own) return fail_errno("cap_get_proc");
  for (const auto& [capability, name] : {std::pair{CAP_NET_ADMIN, "CAP_NET_ADMIN"}, {CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}}) {
    if (!holds(own.get(), capability))
      return fail(std::errc::operation_not_permitted,
                  fmt::format("bridge networks need {} (sudo, or root); without it, `postern run` has a network too", name));
  }
  return {};
}

Status check_spec(const NetworkSpec& spec) {
  if (!is_interface_name(spec.name))
    return fail(
        fmt::format("\"{}\" is no name for a network: at most 15 of letters, digits, \".\", \"_\", \"-\", the first a letter or "
                    "digit; not all, "
                    "not default",
                    spec.name));
  if (spec.external && !is_interface_name(*spec.external))
    return fail(fmt::format("\"{}\" is no name of a link", *spec.external));
  for (size_t i = 0; i < spec.subnets.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (overlap(spec.subnets[i], spec.subnets[j]))
        return fail(fmt::format("{} and {} overlap", spec.subnets[j].network(), spec.subnets[i].network()));
    }
  }
  return {};
}

bool has_family(const NetworkSpec& spec, bool ipv4) {
  return std::ranges::any_of(spec.subnets, [ipv4](const Subnet& subnet) { return subnet.is_ipv4() == ipv4; });
}

/// Puts in what was left open, having checked what was not.
Status complete(Parts& parts, NetworkSpec& spec) {
  POSTERN_TRY(networks, parts.store.networks(), "state");
  POSTERN_TRY(taken, taken_ranges(parts.netlink, networks), "subnet");
  for (const Subnet& subnet : spec.subnets) {
    if (Status free = check_subnet(subnet, taken); !free) return free;
  }
  if (!has_family(spec, true) && spec.subnets.empty()) {
    POSTERN_TRY(chosen, choose_subnet4(taken), "subnet");
    spec.subnets.push_back(chosen);
  }
  if (spec.ipv6 && !has_family(spec, false)) {
    POSTERN_TRY(chosen, choose_subnet6(), "subnet");
    spec.subnets.push_back(chosen);
  }
  spec.ipv6 = has_family(spec, false);
  if (!spec.mtu_bytes) spec.mtu_bytes = default_mtu(parts.netlink);
  if (spec.external && !netlink::find_link(parts.netlink, *spec.external))
    return fail(std::errc::no_such_device, fmt::format("--external {}: the host has no such link", *spec.external));
  return {};
}

/// Forwarding last: it is the host's own, and is not taken back when something before it fails.
Status make_network(Parts& parts, const Network& network, IpForward ip_forward) {
  POSTERN_CHECK(parts.store.keep(network), "state");
  if (Status made = make_bridge(parts.netlink, network); !made) return made;
  if (Status made = make_rules(parts); !made) return made;
  if (Status started = start_names(parts, network); !started) return started;
  return prepare_forwarding(parts.netlink, network.spec, ip_forward);
}

}  // namespace

Bridge::Bridge(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Bridge::Bridge(Bridge&&) noexcept = default;
Bridge::~Bridge() = default;

Result<Bridge> Bridge::open(const Places& places) {
  if (Status privileged = check_privileges(); !privileged) return Failure(privileged.error());
  POSTERN_TRY(socket, netlink::Socket::open(), "open");
  return Bridge(std::make_unique<Parts>(Parts{places, Store(places.state), std::move(socket)}));
}

Result<Network> Bridge::up(NetworkSpec spec, IpForward ip_forward) {
  if (Status good = check_spec(spec); !good) return Failure(good.error());
  POSTERN_TRY(lock, begin(*parts_), "up");
  const std::string name = spec.name;
  if (parts_->store.network(name))
    return fail(std::errc::file_exists, fmt::format("network {} is up already (postern bridge inspect {})", name, name));
  if (netlink::find_link(parts_->netlink, name))
    return fail(std::errc::file_exists,
                fmt::format("network {}: the host has a link of that name (ip link show {})", name, name));
  if (Status completed = complete(*parts_, spec); !completed) return within("network " + name, completed.error());
  POSTERN_TRY(mac, netlink::random_mac(), "up");
  spec.needs_forwarding = ip_forward != IpForward::never;
  const Network network{std::move(spec), mac};
  if (ip_forward == IpForward::require) {  // it looks, and changes nothing: before all the rest is made for nothing
    const Status forwards = prepare_forwarding(parts_->netlink, network.spec, ip_forward);
    if (!forwards) return Failure(forwards.error());
  }
  POSTERN_CHECK(parts_->store.set_pending({Pending::Operation::up, name, "", ""}), "state");
  const Status made = make_network(*parts_, network, ip_forward);
  if (!made) (void)remove_network(*parts_, name);
  POSTERN_CHECK(parts_->store.clear_pending(), "state");
  if (!made) return within("network " + name, made.error());
  return network;
}

Status Bridge::down(const std::string& name, Connected connected) {
  POSTERN_TRY(lock, begin(*parts_), "down");
  const auto network = find(name);
  const bool is_damaged = !network && network.error().is(std::errc::bad_message);
  if (!network && !(is_damaged && connected == Connected::remove)) return Failure(network.error());
  POSTERN_TRY(endpoints, parts_->store.endpoints(name), "state");
  std::vector<std::string> members(endpoints.size());
  std::ranges::transform(endpoints, members.begin(), &Endpoint::id);
  for (const Store::Damaged& one : parts_->store.damaged_endpoints(name)) members.push_back(one.name);
  if (!members.empty() && connected == Connected::refuse)
    return fail(std::errc::device_or_resource_busy,
                fmt::format("network {} is in use by {}{} (postern bridge detach, or down --force)", name, members.front(),
                            members.size() > 1 ? fmt::format(" and {} more", members.size() - 1) : ""));
  POSTERN_CHECK(parts_->store.set_pending({Pending::Operation::down, name, "", ""}), "state");
  if (is_damaged) POSTERN_CHECK(parts_->store.forget_record(name), "state");  // no rules are made while it is there
  POSTERN_CHECK(remove_network(*parts_, name), "network " + name);
  return parts_->store.clear_pending();
}

Result<Network> Bridge::find(const std::string& name) {
  if (!is_interface_name(name)) return fail(fmt::format("\"{}\" is no name of a network", name));
  auto network = parts_->store.network(name);
  if (network || !network.error().is(std::errc::no_such_file_or_directory)) return network;
  return fail(std::errc::no_such_file_or_directory,
              fmt::format("there is no network {} (postern bridge ls; postern bridge up {})", name, name));
}

Result<std::vector<Network>> Bridge::networks() {
  POSTERN_TRY(lock, parts_->store.lock_to_look(), "state");
  return parts_->store.networks();
}

Result<std::vector<Members>> Bridge::members() {
  POSTERN_TRY(lock, parts_->store.lock_to_look(), "state");
  POSTERN_TRY(networks, parts_->store.networks(), "state");
  std::vector<Members> all;
  for (const Network& network : networks) {
    POSTERN_TRY(endpoints, parts_->store.endpoints(network.spec.name), "state");
    all.push_back({network, std::move(endpoints)});
  }
  return all;
}

Result<std::vector<Endpoint>> Bridge::endpoints(const std::string& network) {
  POSTERN_TRY(lock, parts_->store.lock_to_look(), "state");
  const auto found = find(network);
  if (!found) return Failure(found.error());
  return parts_->store.endpoints(network);
}

}  // namespace postern::bridge
