// event_from_json.cpp - the one file of this room that speaks nlohmann-json, which throws. A line to be read may come from
// anybody: from a file, from a socket.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <limits>

#include "postern/base/text.h"
#include "postern/journey/event_json.h"

#include "json_line.h"
#include "transport.h"

namespace postern::journey {

namespace {

using Json = nlohmann::json;

constexpr size_t kMostBytes = 65'536;    // of a line; an event has a few hundred
constexpr uint64_t kLatest = INT64_MAX;  // as std::chrono counts: differences of times that are later would be none

/// What is wrong with the line; thrown and caught in this file alone.
struct Wrong {
  std::string what;
};

[[noreturn]] void refuse(std::string_view key, std::string_view what) { throw Wrong{fmt::format("\"{}\" {}", key, what)}; }

/// Null and absent are one.
const Json* find(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

const Json* find_object(const Json& object, const char* key) {
  const Json* found = find(object, key);
  if (found && !found->is_object()) refuse(key, "is no object");
  return found;
}

/// nlohmann-json would cut off what does not fit, and take a fraction or a truth for a number.
template <class T>
void take(const Json& object, const char* key, T& number) {
  const Json* found = find(object, key);
  if (!found) return;
  if (!found->is_number_unsigned() || found->get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<T>::max()))
    refuse(key, "is no whole number, or too large");
  number = found->get<T>();
}

void take(const Json& object, const char* key, std::string& text) {
  const Json* found = find(object, key);
  if (!found) return;
  if (!found->is_string()) refuse(key, "is no text");
  text = found->get_ref<const std::string&>();
}

void take(const Json& object, const char* key, bool& truth) {
  const Json* found = find(object, key);
  if (!found) return;
  if (!found->is_boolean()) refuse(key, "is neither true nor false");
  truth = found->get<bool>();
}

std::string text_at(const Json& object, const char* key) {
  std::string text;
  if (!find(object, key)) refuse(key, "is missing");
  take(object, key, text);
  return text;
}

template <class Make>
auto made_at(const Json& object, const char* key, Make make) {
  const auto value = make(text_at(object, key));
  if (!value) refuse(key, "has a value that is not known");
  return *value;
}

uint64_t identity_at(const Json& object, const char* key) {
  if (!find(object, key)) return 0;
  return made_at(object, key, [](const std::string& text) { return whole_number<uint64_t>(text, 16); });
}

Endpoint endpoint_at(const Json& object, const char* key) {
  const Json* found = find_object(object, key);
  if (!found) refuse(key, "is missing");
  Endpoint endpoint;
  endpoint.address = made_at(*found, "address", parse_ip);
  take(*found, "port", endpoint.port.number);
  return endpoint;
}

void take_transport(const Json& json, Packet& packet) {
  if (has_ports(packet.protocol) && find(json, "source_port")) {
    packet.has_transport = true;
    take(json, "source_port", packet.source_port.number);
    take(json, "destination_port", packet.destination_port.number);
  }
  const Json* tcp = find_object(json, "tcp");
  if (tcp && packet.has_transport && packet.protocol == IPPROTO_TCP) {
    packet.tcp_flags = made_at(*tcp, "flags", tcp_flags_named);
    take(*tcp, "sequence", packet.tcp_sequence);
    take(*tcp, "acknowledgment", packet.tcp_acknowledgment);
  }
  const Json* icmp = find_object(json, "icmp");
  if (icmp && is_icmp(packet.protocol)) {
    packet.has_transport = true;
    take(*icmp, "type", packet.icmp_type);
    take(*icmp, "code", packet.icmp_code);
    take(*icmp, "id", packet.icmp_id);
    take(*icmp, "sequence", packet.icmp_sequence);
  }
}

Packet packet_of(const Json& json) {
  Packet packet;
  packet.source = made_at(json, "source", parse_ip);
  packet.destination = made_at(json, "destination", parse_ip);
  if (packet.source.index() != packet.destination.index()) refuse("destination", "is of another family than the source");
  take(json, "protocol_number", packet.protocol);
  take_transport(json, packet);
  take(json, "ip_id", packet.ip_id);
  take(json, "hop_limit", packet.hop_limit);
  take(json, "bytes", packet.bytes);
  take(json, "fragment_offset", packet.fragment_offset);
  return packet;
}

int hexadecimal_digit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  refuse("captured", "is no row of hexadecimal digits");
}

std::vector<uint8_t> bytes_of(std::string_view digits) {
  if (digits.size() % 2 != 0) refuse("captured", "has half a byte");
  std::vector<uint8_t> bytes;
  bytes.reserve(digits.size() / 2);
  for (size_t i = 0; i < digits.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(hexadecimal_digit(digits[i]) << 4 | hexadecimal_digit(digits[i + 1])));
  }
  return bytes;
}

void take_place(const Json& json, Event& event) {
  if (const Json* network = find_object(json, "netns")) {
    take(*network, "inode", event.network.inode);
    take(*network, "name", event.network.name);
  }
  if (const Json* device = find_object(json, "device")) {
    take(*device, "index", event.device.index);
    take(*device, "name", event.device.name);
    take(*device, "kind", event.device.kind);
  }
  if (const Json* macs = find_object(json, "macs")) {
    event.macs = Macs{made_at(*macs, "source", Mac::parse), made_at(*macs, "destination", Mac::parse)};
  }
}

void take_owners(const Json& json, Event& event) {
  if (const Json* conntrack = find_object(json, "conntrack")) {
    event.conntrack.emplace().identity = identity_at(*conntrack, "identity");
    take(*conntrack, "state", event.conntrack->state);
    take(*conntrack, "snat", event.conntrack->snat);
    take(*conntrack, "dnat", event.conntrack->dnat);
  }
  if (const Json* process = find_object(json, "process")) {
    take(*process, "pid", event.process.emplace().pid);
    take(*process, "name", event.process->name);
    take(*process, "bystander", event.process_is_bystander);
  }
}

void take_particulars(const Json& json, Event& event) {
  if (const Json* drop = find_object(json, "drop")) {
    take(*drop, "reason", event.drop.emplace().reason);
    take(*drop, "where", event.drop->where);
  }
  if (const Json* rule = find_object(json, "rule")) {
    take(*rule, "chain", event.rule.emplace().chain);
    take(*rule, "text", event.rule->text);
    take(*rule, "verdict", event.rule->verdict);
    take(*rule, "handle", event.rule->handle);
    take(*rule, "hook", event.rule->hook);
  }
  take(json, "engine", event.engine);
  if (const Json* mapping = find_object(json, "mapping")) {
    event.mapping = Mapping{endpoint_at(*mapping, "local"), endpoint_at(*mapping, "remote")};
  }
}

Event::Clock clock_at(const Json& json) {
  if (!find(json, "clock")) return Event::Clock::exact;
  const std::string text = text_at(json, "clock");
  if (text != "exact" && text != "arrival") refuse("clock", "is neither exact nor arrival");
  return text == "exact" ? Event::Clock::exact : Event::Clock::arrival;
}

Event event_of(const Json& json) {
  if (!json.is_object()) throw Wrong{"is no object"};
  Event event;
  if (!find(json, "time_ns")) refuse("time_ns", "is missing");
  take(json, "time_ns", event.time_ns);
  if (event.time_ns > kLatest) refuse("time_ns", "is no whole number, or too large");
  event.clock = clock_at(json);
  event.observer = made_at(json, "observer", observer_named);
  event.point = made_at(json, "point", point_named);
  take_place(json, event);
  take(json, "ethertype", event.ethertype);
  if (const Json* packet = find_object(json, "packet")) event.packet = packet_of(*packet);
  event.identity = identity_at(json, "identity");
  take_owners(json, event);
  take_particulars(json, event);
  if (find(json, "captured")) event.captured = bytes_of(text_at(json, "captured"));
  return event;
}

/// What nlohmann-json leaves as it is of what a terminal obeys: DEL, and U+0080 to U+009F, of which U+009B begins commands. In
/// UTF-8, which `json` is, 0xc2 begins a character and is never within one; and controls stand in texts only.
std::string without_controls(const std::string& json) {
  constexpr char kDelete = 0x7f, kBegin = '\xc2';
  constexpr unsigned kPastControls = 0xa0;
  std::string safe;
  safe.reserve(json.size());
  for (size_t i = 0; i < json.size(); ++i) {
    const unsigned next = i + 1 < json.size() ? static_cast<unsigned char>(json[i + 1]) : kPastControls;
    if (json[i] == kDelete) {
      safe += "\\u007f";
    } else if (json[i] == kBegin && next < kPastControls) {
      safe += fmt::format("\\u{:04x}", next);  // its second byte is its number
      ++i;
    } else {
      safe += json[i];
    }
  }
  return safe;
}

}  // namespace

std::string quoted(std::string_view text) {
  return without_controls(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace));
}

Result<Event> event_from_json(std::string_view line) {
  if (line.size() > kMostBytes) return fail("event: the line is too long");
  try {
    return event_of(Json::parse(line));
  } catch (const Wrong& wrong) {
    return fail("event: " + wrong.what);
  } catch (const std::exception&) {
    return fail("event: the line is no JSON");
  }
}

}  // namespace postern::journey
