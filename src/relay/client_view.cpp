#include "client_view.h"

#include "postern/wire/address_class.h"

namespace postern::relay {

std::optional<IpAddress> stand_in_for(const IpAddress& client, const IpAddress& guest, const stack::AddressPlan& plan) {
  const auto* v6 = std::get_if<Ipv6>(&client);
  const bool means_another = wire::is_martian(client) || wire::is_group(client) || (v6 && wire::is_link_local(*v6)) ||
                             client == guest || plan.contains(client);
  return means_another ? std::optional(plan.gateway(client)) : std::nullopt;
}

}  // namespace postern::relay
