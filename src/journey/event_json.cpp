#include "postern/journey/event_json.h"

#include <fmt/format.h>

#include <concepts>

#include "json_line.h"
#include "transport.h"

namespace postern::journey {

namespace {

void put_known(JsonLine& json, std::string_view key, const std::string& text) {
  if (!text.empty()) json.put(key, text);
}
void put_known(JsonLine& json, std::string_view key, std::unsigned_integral auto number) {
  if (number != 0) json.put(key, number);
}
void put_identity(JsonLine& json, uint64_t identity) {
  if (identity != 0) json.put("identity", fmt::format("{:x}", identity));
}

void put(JsonLine& json, const NetworkNamespace& network) {
  if (network.inode == 0 && network.name.empty()) return;
  json.open("netns");
  put_known(json, "inode", network.inode);
  put_known(json, "name", network.name);
  json.close();
}

void put(JsonLine& json, const Device& device) {
  if (device.index <= 0 && device.name.empty() && device.kind.empty()) return;
  json.open("device");
  if (device.index > 0) json.put("index", static_cast<unsigned>(device.index));
  put_known(json, "name", device.name);
  put_known(json, "kind", device.kind);
  json.close();
}

void put(JsonLine& json, const Macs& macs) {
  json.open("macs");
  json.put("source", macs.source.to_string());
  json.put("destination", macs.destination.to_string());
  json.close();
}

void put_transport(JsonLine& json, const Packet& packet) {
  if (!packet.has_transport) return;
  if (has_ports(packet.protocol)) {
    json.put("source_port", packet.source_port.number);
    json.put("destination_port", packet.destination_port.number);
  }
  if (packet.protocol == IPPROTO_TCP) {
    json.open("tcp");
    json.put("flags", tcp_flags_text(packet.tcp_flags));
    json.put("sequence", packet.tcp_sequence);
    json.put("acknowledgment", packet.tcp_acknowledgment);
    json.close();
  }
  if (is_icmp(packet.protocol)) {
    json.open("icmp");
    json.put("type", packet.icmp_type);
    json.put("code", packet.icmp_code);
    json.put("id", packet.icmp_id);
    json.put("sequence", packet.icmp_sequence);
    json.close();
  }
}

void put(JsonLine& json, const Packet& packet) {
  json.open("packet");
  json.put("family", packet.is_ipv4() ? 4U : 6U);
  json.put("source", to_string(packet.source));
  json.put("destination", to_string(packet.destination));
  json.put("protocol", protocol_name(packet.protocol));
  json.put("protocol_number", packet.protocol);
  put_transport(json, packet);
  json.put("ip_id", packet.ip_id);
  json.put("hop_limit", packet.hop_limit);
  put_known(json, "bytes", packet.bytes);
  put_known(json, "fragment_offset", packet.fragment_offset);
  json.close();
}

void put(JsonLine& json, const Conntrack& conntrack) {
  json.open("conntrack");
  put_identity(json, conntrack.identity);
  put_known(json, "state", conntrack.state);
  json.put("snat", conntrack.snat);
  json.put("dnat", conntrack.dnat);
  json.close();
}

void put(JsonLine& json, const Drop& drop) {
  json.open("drop");
  json.put("reason", drop.reason);
  put_known(json, "where", drop.where);
  json.close();
}

void put(JsonLine& json, const Rule& rule) {
  json.open("rule");
  json.put("chain", rule.chain);
  put_known(json, "text", rule.text);
  put_known(json, "verdict", rule.verdict);
  put_known(json, "handle", rule.handle);
  put_known(json, "hook", rule.hook);
  json.close();
}

void put(JsonLine& json, std::string_view key, const Endpoint& endpoint) {
  json.open(key);
  json.put("address", to_string(endpoint.address));
  json.put("port", endpoint.port.number);
  json.close();
}

void put_process(JsonLine& json, const Event& event) {
  if (!event.process) return;
  json.open("process");
  json.put("pid", static_cast<unsigned>(event.process->pid));
  json.put("name", event.process->name);
  json.put("bystander", event.process_is_bystander);
  json.close();
}

void put(JsonLine& json, const Mapping& mapping) {
  json.open("mapping");
  put(json, "local", mapping.local);
  put(json, "remote", mapping.remote);
  json.close();
}

std::string hexadecimal(const std::vector<uint8_t>& bytes) {
  std::string digits;
  digits.reserve(bytes.size() * 2);
  for (const uint8_t byte : bytes) {
    digits += "0123456789abcdef"[byte >> 4];
    digits += "0123456789abcdef"[byte & 15];
  }
  return digits;
}

}  // namespace

std::string to_json(const Event& event, Captured captured) {
  JsonLine json;
  json.open();
  json.put("time_ns", event.time_ns);
  json.put("clock", event.clock == Event::Clock::exact ? "exact" : "arrival");
  json.put("observer", name(event.observer));
  json.put("point", name(event.point));
  put(json, event.network);
  put(json, event.device);
  if (event.macs) put(json, *event.macs);
  put_known(json, "ethertype", event.ethertype);
  if (event.packet) put(json, *event.packet);
  put_identity(json, event.identity);
  if (event.conntrack) put(json, *event.conntrack);
  put_process(json, event);
  if (event.drop) put(json, *event.drop);
  if (event.rule) put(json, *event.rule);
  put_known(json, "engine", event.engine);
  if (event.mapping) put(json, *event.mapping);
  if (captured == Captured::kept && !event.captured.empty()) json.put("captured", hexadecimal(event.captured));
  json.close();
  return json.take();
}

}  // namespace postern::journey
