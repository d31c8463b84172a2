#include "address_choice.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>

#include "postern/base/socket_address.h"
#include "postern/netlink/address.h"
#include "postern/netlink/route.h"

#include "prefix.h"

namespace postern::bridge {

namespace {

constexpr uint32_t kPoolFirst = Ipv4::of(10, 209, 0, 0).bits, kPoolLast = Ipv4::of(10, 223, 255, 0).bits;
constexpr size_t kHoldersNamed = 6;

const Taken* find_overlap(const Subnet& subnet, std::span<const Taken> taken) {
  const auto found = std::ranges::find_if(taken, [&](const Taken& one) { return overlap(one.range, subnet); });
  return found == taken.end() ? nullptr : &*found;
}

const Subnet* subnet_of(const Network& network, const IpAddress& address) {
  const auto found = std::ranges::find_if(network.spec.subnets, [&](const Subnet& one) { return one.contains(address); });
  return found == network.spec.subnets.end() ? nullptr : &*found;
}

/// Who holds what, as far as it can be told in a line.
std::string holders(const Store& store, const std::string& network, const Subnet& subnet) {
  const auto claims = store.claims(network);
  std::string text;
  size_t named = 0, others = 0;
  for (const auto& [address, key] : claims ? *claims : std::vector<Store::Claim>()) {
    if (!subnet.contains(address)) continue;
    if (named == kHoldersNamed) {
      ++others;
      continue;
    }
    text += fmt::format("{}{} ({})", named++ == 0 ? "" : ", ", key.substr(0, key.find('@')), to_string(address));
  }
  if (others != 0) text += fmt::format(" and {} more", others);
  return text;
}

}  // namespace

Result<std::vector<Taken>> taken_ranges(netlink::Socket& socket, std::span<const Network> networks) {
  std::vector<Taken> taken;
  for (const Network& network : networks) {
    for (const Subnet& subnet : network.spec.subnets) taken.push_back({subnet, fmt::format("network {}", network.spec.name)});
  }
  POSTERN_TRY(addresses, netlink::addresses(socket), "which networks are in use");
  for (const netlink::Address& own : addresses) {
    const Subnet range{own.address, own.prefix_bits};
    taken.push_back({range, fmt::format("the host's address {}/{}", to_string(own.address), own.prefix_bits)});
  }
  POSTERN_TRY(routes, netlink::routes(socket), "which networks are in use");
  for (const netlink::Route& route : routes) {
    // A VPN may split the default route in two halves: these overlap everything and mean nothing.
    if (route.prefix_bits <= 1) continue;
    const Subnet range{route.destination, route.prefix_bits};
    taken.push_back({range, fmt::format("the host's route to {}", range.network())});
  }
  return taken;
}

Result<Subnet> choose_subnet4(std::span<const Taken> taken) {
  for (uint32_t network = kPoolFirst; network <= kPoolLast; network += 256) {
    const Subnet candidate{Ipv4{network + 1}, 24};
    if (!find_overlap(candidate, taken)) return candidate;
  }
  return fail("every network from 10.209.0.0/24 to 10.223.255.0/24 overlaps one that the host uses (choose one: --subnet CIDR)");
}

Result<Subnet> choose_subnet6() {
  Ipv6 address;
  address.octets[0] = 0xFD;
  if (::getrandom(address.octets.data() + 1, 5, 0) != 5) return fail_errno("getrandom");
  address.octets[15] = 1;
  return Subnet{address, 64};
}

Status check_subnet(const Subnet& wanted, std::span<const Taken> taken) {
  const auto offsets = usable(wanted);
  const auto gateway = offset_in(wanted, wanted.gateway);
  const std::string shown = fmt::format("{}/{}", to_string(wanted.gateway), wanted.prefix_bits);
  if (!offsets || offsets->first == offsets->last)
    return fail(fmt::format("{} has no room for a gateway and a container", shown));
  if (!gateway || *gateway < offsets->first || *gateway > offsets->last)
    return fail(fmt::format("{} is no address of a host in {}", shown, wanted.network()));
  if (const Taken* other = find_overlap(wanted, taken))
    return fail(fmt::format("{} overlaps {} (choose another, or none: --subnet)", wanted.network(), other->by));
  return {};
}

Result<IpAddress> claim_next(const Store& store, const Network& network, const Subnet& subnet, std::string_view key) {
  const std::string& name = network.spec.name;
  const auto offsets = usable(subnet);
  if (!offsets) return fail(fmt::format("{} has no address for a container", subnet.network()));
  const IpAddress base = first_of(subnet.gateway, subnet.prefix_bits);
  const auto last = store.last_given(name, family_of(subnet.gateway));
  const auto last_offset = last ? offset_in(subnet, *last) : std::nullopt;
  const uint64_t count = offsets->last - offsets->first + 1;
  const uint64_t start = last_offset ? (*last_offset - offsets->first + 1) % count : 0;
  for (uint64_t step = 0; step < count; ++step) {
    const auto candidate = above(base, offsets->first + (start + step) % count);
    if (!candidate || *candidate == subnet.gateway) continue;
    const auto claimed = store.claim(name, *candidate, key);
    if (!claimed) return Failure(claimed.error());
    if (!*claimed) continue;
    if (const Status kept = store.set_last_given(name, *candidate); !kept) return Failure(kept.error());
    return *candidate;
  }
  return fail(fmt::format("{} of network {} is full: held by {} (postern bridge gc frees those whose namespace has gone)",
                          subnet.network(), name, holders(store, name, subnet)));
}

Status claim_wanted(const Store& store, const Network& network, const IpAddress& wanted, std::string_view key) {
  const std::string& name = network.spec.name;
  const Subnet* subnet = subnet_of(network, wanted);
  if (!subnet)
    return fail(fmt::format("{} is in no subnet of network {} (postern bridge inspect {})", to_string(wanted), name, name));
  if (wanted == subnet->gateway) return fail(fmt::format("{} is the gateway of network {}", to_string(wanted), name));
  const auto offsets = usable(*subnet);
  const auto offset = offset_in(*subnet, wanted);
  // An address may be beyond those that are given by themselves, but not be the network's or the broadcast's.
  const bool is_last = subnet->is_ipv4() && offset && offsets && *offset > offsets->last;
  if (!offset || !offsets || *offset < offsets->first || is_last)
    return fail(fmt::format("{} is no address of a host in {}", to_string(wanted), subnet->network()));
  const auto claimed = store.claim(name, wanted, key);
  if (!claimed) return Failure(claimed.error());
  if (*claimed) return {};
  const auto claims = store.claims(name);
  std::string holder = "another";
  if (claims) {
    const auto found = std::ranges::find_if(*claims, [&](const Store::Claim& claim) { return claim.address == wanted; });
    if (found != claims->end()) holder = found->key.substr(0, found->key.find('@'));
  }
  return fail(std::errc::address_in_use, fmt::format("{} is held by {} of network {}", to_string(wanted), holder, name));
}

}  // namespace postern::bridge
