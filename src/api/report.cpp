#include "report.h"

namespace postern::api {

namespace {

Json to_json(const std::optional<IpAddress>& address) { return address ? Json(to_string(*address)) : Json(nullptr); }

/// The port is left out where there is none.
void put(Json& object, const std::string& prefix, const std::optional<stack::Endpoint>& end) {
  object[prefix + "_addr"] = end ? Json(to_string(end->address)) : Json(nullptr);
  if (end && end->port.number != 0) object[prefix + "_port"] = end->port.number;
}

Json to_json(const stack::Flow& flow) {
  using Protocol = stack::Flow::Protocol;
  const char* protocol = flow.protocol == Protocol::tcp ? "tcp" : flow.protocol == Protocol::udp ? "udp" : "icmp";
  Json object = {{"proto", protocol}, {"direction", flow.direction == stack::Flow::Direction::inbound ? "inbound" : "outbound"}};
  if (!flow.state.empty()) object["state"] = flow.state;
  if (flow.expires) object["expires_seconds"] = flow.expires->count();
  object["guest_addr"] = to_json(flow.guest_address);
  if (flow.guest_port.number != 0) object["guest_port"] = flow.guest_port.number;
  put(object, "remote", flow.remote);
  put(object, "host", flow.host);
  object["bytes_to_guest"] = flow.bytes_to_guest;
  object["bytes_to_remote"] = flow.bytes_to_remote;
  if (flow.carried_to_guest) object["carried_to_guest"] = *flow.carried_to_guest;
  if (flow.carried_to_remote) object["carried_to_remote"] = *flow.carried_to_remote;
  if (flow.rtt_guest) object["rtt_guest_us"] = flow.rtt_guest->count();
  if (flow.rtt_remote) object["rtt_remote_us"] = flow.rtt_remote->count();
  if (flow.age) object["age_ms"] = flow.age->count();
  return object;
}

Json tap(const netns::TapMode& mode) {
  const auto granted = [&](netns::Offload offload) { return mode.offload >= offload; };
  return {{"vnet_header", mode.framing == netns::TapFraming::vnet},
          {"checksums", granted(netns::Offload::checksums)},
          {"superframes4", granted(netns::Offload::tcp4)},
          {"superframes6", granted(netns::Offload::tcp4_and_tcp6)},
          {"superframes_udp", granted(netns::Offload::tcp_and_udp)}};
}

std::string text(const dns::NameServer& server) {
  return server.scope == 0 ? to_string(server.address) : to_string(server.address) + "%" + std::to_string(server.scope);
}

Json names(const relay::NameServiceState& state) {
  Json servers = Json::array();
  for (const dns::NameServer& server : state.servers) servers.push_back(text(server));
  return {{"servers", std::move(servers)},
          {"answering", state.answering ? Json(text(*state.answering)) : Json(nullptr)},
          {"pending", state.pending}};
}

Json to_json(const dns::DnsRelay::Counters& counters) {
  return {{"queries", counters.queries},
          {"answered", counters.answered},
          {"answered_here", counters.answered_here},
          {"refused", counters.refused},
          {"timed_out", counters.timed_out},
          {"evicted", counters.evicted},
          {"malformed", counters.malformed},
          {"failed_over", counters.failed_over},
          {"asked_again", counters.asked_again},
          {"strange_answers", counters.strange_answers}};
}

Json network(const InstanceStatus& status) {
  const stack::StackConfig& config = status.network;
  const stack::AddressPlan& plan = config.addresses;
  Json object = {{"cidr", plan.network.network().to_string() + "/" + std::to_string(plan.network.prefix_bits())},
                 {"guest_addr", plan.guest().to_string()},
                 {"gateway", plan.gateway().to_string()},
                 {"dns", plan.dns().to_string()},
                 {"mtu", config.mtu_bytes},
                 {"ipv6", config.ipv6}};
  if (status.guest6) object["guest_addr6"] = status.guest6->to_string();
  object["host_loopback"] = config.host_loopback == stack::HostLoopback::closed ? "closed" : "gateway";
  return object;
}

}  // namespace

Json to_json(const forward::Published& published) {
  const stack::Forward& forward = published.forward;
  return {{"id", published.id},
          {"proto", std::string(forward::name(forward.protocol))},
          {"host_addr", to_string(forward.host_address)},
          {"host_port", forward.host_port.number},
          {"guest_addr", to_string(forward.guest_address)},
          {"guest_port", forward.guest_port.number}};
}

Json to_json(const InstanceStatus& status, size_t forwards) {
  Json object = {{"version", status.version},
                 {"pid", status.pid},
                 {"engine", status.engine},
                 {"uptime_seconds", status.uptime.count()},
                 {"tap", tap(status.tap)},
                 {"network", network(status)},
                 {"flows", {{"open", status.open_flows}, {"limit", status.network.max_flows}}},
                 {"forwards", forwards},
                 {"loopback_clients", {{"way", status.loopback_clients.way}, {"source", status.loopback_clients.source}}}};
  if (status.names) object["dns"] = names(*status.names);
  return object;
}

Json to_json(const stack::Flows& flows) {
  Json list = Json::array();
  for (const stack::Flow& flow : flows.flows) list.push_back(to_json(flow));
  return {{"flows", std::move(list)}, {"total", flows.total}};
}

Json to_json(const flow::TcpEngine::Counters& counters) {
  return {{"opened", counters.opened},
          {"refused", counters.refused},
          {"arrived", counters.arrived},
          {"turned_away", counters.turned_away},
          {"resets_to_guest", counters.resets_to_guest},
          {"resets_from_guest", counters.resets_from_guest},
          {"sent_again", counters.sent_again},
          {"timeouts", counters.timeouts},
          {"out_of_order", counters.out_of_order},
          {"bytes_to_host", counters.bytes_to_host},
          {"bytes_to_guest", counters.bytes_to_guest},
          {"dropped_at_limit", counters.dropped_at_limit}};
}

Json to_json(const flow::DatagramEngine::Counters& counters) {
  return {{"opened", counters.opened},
          {"to_host", counters.to_host},
          {"to_guest", counters.to_guest},
          {"filtered", counters.filtered},
          {"reports_to_guest", counters.reports_to_guest},
          {"evicted", counters.evicted},
          {"lost", counters.lost},
          {"bytes_to_host", counters.bytes_to_host},
          {"bytes_to_guest", counters.bytes_to_guest},
          {"dropped_at_limit", counters.dropped_at_limit}};
}

Json to_json(const InstanceCounters& counters) {
  Json drops = Json::object();
  for (size_t i = 0; i < relay::kDropReasons; ++i) {
    const auto reason = static_cast<relay::Drop>(i);
    drops[std::string(relay::name(reason))] = counters.drops.of(reason);
  }
  Json object = {{"frames_from_guest", counters.frames.frames_from_guest},
                 {"frames_to_guest", counters.frames.frames_to_guest},
                 {"writes_lost", counters.frames.writes_lost},
                 {"drops", std::move(drops)}};
  if (counters.engine) object["fast_tcp"] = to_json(*counters.engine);
  if (counters.datagrams) object["fast_datagrams"] = to_json(*counters.datagrams);
  if (counters.names) object["dns"] = to_json(*counters.names);
  if (const auto& spliced = counters.spliced) {
    object["spliced"] = {{"opened", spliced->opened},
                         {"refused", spliced->refused},
                         {"bytes_to_guest", spliced->bytes_to_guest},
                         {"bytes_to_client", spliced->bytes_to_client}};
  }
  return object;
}

}  // namespace postern::api
