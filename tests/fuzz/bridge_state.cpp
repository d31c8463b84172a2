// bridge_state.cpp - the files of bridge mode's state folder: whatever they say, a record that is read keeps what the rules and
// the paths that are made of it rely on, and says the same after it was written and read again.
#include <sys/socket.h>

#include <algorithm>

#include "fuzz_input.h"
#include "identifiers.h"
#include "ports.h"
#include "prefix.h"
#include "records.h"
#include "ruleset.h"

using namespace postern;
using namespace postern::bridge;

namespace {

void check_subnet(const Subnet& subnet) {
  POSTERN_ASSERT(subnet.prefix_bits <= width(subnet.gateway) && subnet.contains(subnet.gateway));
  POSTERN_ASSERT(offset_in(subnet, first_of(subnet.gateway, subnet.prefix_bits)) == 0U);
}

void check_range(const PortRange& range) {
  POSTERN_ASSERT(is_range(range) && conflict(range, range));
  POSTERN_ASSERT(serves_loopback(range, AF_INET) || serves_loopback(range, AF_INET6) || serves_network(range, AF_INET) ||
                 serves_network(range, AF_INET6));
}

void check(const Network& network) {
  POSTERN_ASSERT(is_interface_name(network.spec.name));
  POSTERN_ASSERT(!network.spec.external || is_interface_name(*network.spec.external));
  std::ranges::for_each(network.spec.subnets, check_subnet);
  const auto again = parse_network(to_text(network));
  POSTERN_ASSERT(again && *again == network);
  POSTERN_ASSERT(!whole_ruleset({{&network, 1}, {}, std::nullopt}).empty());
}

void check(const Endpoint& endpoint) {
  POSTERN_ASSERT(is_interface_name(endpoint.network) && is_identifier(endpoint.id));
  POSTERN_ASSERT(is_interface_name(endpoint.interface) && is_interface_name(endpoint.host_interface));
  std::ranges::for_each(endpoint.addresses, check_subnet);
  std::ranges::for_each(endpoint.ports, check_range);
  const auto again = parse_endpoint(to_text(endpoint));
  POSTERN_ASSERT(again && *again == endpoint);
  size_t ports = 0;
  for (const PortRange& range : endpoint.ports) ports += range.count();
  constexpr size_t kEnough = 1 << 17;  // elements take their time
  if (ports <= kEnough) POSTERN_ASSERT(add_ports(endpoint).empty() == delete_ports(endpoint).empty());
  const auto listed = parse_port_lines(port_lines(endpoint));
  POSTERN_ASSERT(listed.size() == endpoint.ports.size());
  for (size_t i = 0; i < listed.size(); ++i) {
    POSTERN_ASSERT(listed[i].range == endpoint.ports[i] && listed[i].id == endpoint.id && listed[i].network == endpoint.network);
  }
}

void check(const Pending& pending) {
  POSTERN_ASSERT(is_interface_name(pending.network) && pending.endpoint.find('/') == std::string::npos);
  const auto again = parse_pending(to_text(pending));
  POSTERN_ASSERT(again && *again == pending);
}

void check(const ProxyRecord& proxy) {
  POSTERN_ASSERT(proxy.pid > 0);
  const auto again = parse_proxy(to_text(proxy));
  POSTERN_ASSERT(again && *again == proxy);
}

template <class T>
void check_read(const Result<T>& record) {
  record ? check(*record) : POSTERN_ASSERT(record.error().is(std::errc::bad_message));
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_read(parse_network(text));
  check_read(parse_endpoint(text));
  check_read(parse_pending(text));
  check_read(parse_proxy(text));
  std::vector<PortRange> ports;
  for (const PublishedRange& published : parse_port_lines(text)) {
    check_range(published.range);
    POSTERN_ASSERT(!published.network.empty() && !published.id.empty());
    ports.push_back(published.range);
  }
  const Status apart = check_ports(ports);
  POSTERN_ASSERT(apart || !apart.error().context.empty());
  return 0;
}
