#include "client_view.h"

#include <algorithm>

#include "postern/wire/address_class.h"

namespace postern::relay {

namespace {

bool is_inside(const Ipv4& client, const stack::AddressPlan& plan) { return plan.network.contains(client); }

bool is_inside(const Ipv6& client, const stack::AddressPlan& plan) {
  const auto prefix = plan.prefix6().octets;
  const bool in_plan = std::equal(prefix.begin(), prefix.begin() + plan.kPrefixBits6 / 8, client.octets.begin());
  const bool link_local = client.octets[0] == 0xfe && (client.octets[1] & 0xc0) == 0x80;
  return in_plan || link_local;
}

}  // namespace

IpAddress shown_client(const IpAddress& client, const IpAddress& guest, const stack::AddressPlan& plan) {
  const bool means_another = wire::is_martian(client) || client == guest ||
                             std::visit([&](const auto& address) { return is_inside(address, plan); }, client);
  if (!means_another) return client;
  return std::holds_alternative<Ipv4>(client) ? IpAddress(plan.gateway()) : IpAddress(plan.gateway6());
}

}  // namespace postern::relay
