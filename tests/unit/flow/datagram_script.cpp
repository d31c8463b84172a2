#include "datagram_script.h"

#include <fmt/format.h>

#include <charconv>

namespace postern::flow {

namespace {

std::string_view text(const void* data, size_t bytes) { return {static_cast<const char*>(data), bytes}; }

std::string joined(std::span<const iovec> pieces) {
  std::string all;
  for (const iovec& piece : pieces) all += text(piece.iov_base, piece.iov_len);
  return all;
}

wire::Bytes bytes_of(const std::string& text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

}  // namespace

HostEndpoint end_of(std::string_view text) {
  if (const auto whole = parse_ip(text)) return {*whole, Port{}};
  const size_t colon = text.rfind(':');
  std::string_view address = text.substr(0, colon);
  if (address.front() == '[') address = address.substr(1, address.size() - 2);
  uint16_t port = 0;
  std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  return {*parse_ip(address), Port{port}};
}

std::string text_of(const IpAddress& address, Port port) {
  const bool v4 = std::holds_alternative<Ipv4>(address);
  if (port.number == 0) return to_string(address);
  return v4 ? fmt::format("{}:{}", to_string(address), port.number) : fmt::format("[{}]:{}", to_string(address), port.number);
}

DatagramHost::Opening FakeHost::open(const DatagramEnds&, const HostEndpoint&, uint32_t token) {
  if (open_error != 0) return {.socket = -1, .error = open_error};
  sockets.emplace(next_, Socket{token});
  return {.socket = next_++};
}

std::optional<HostEndpoint> FakeHost::destination(const IpAddress& remote, Port port) {
  const auto alias = aliases.find(to_string(remote));
  if (alias == aliases.end()) return HostEndpoint{remote, port};
  if (alias->second.empty()) return std::nullopt;
  HostEndpoint leads = end_of(alias->second);
  if (leads.port == Port{}) leads.port = port;
  return leads;
}

int FakeHost::send(int socket, std::span<const Outgoing> datagrams) {
  ++calls;
  EXPECT_TRUE(sockets.contains(socket));
  if (!send_errors.empty()) {
    const int error = send_errors.front();
    send_errors.pop_front();
    if (error != 0) return -error;
  }
  for (const Outgoing& datagram : datagrams) {
    std::string line = fmt::format("{}>{} {}", socket, text_of(datagram.to.address, datagram.to.port), joined(datagram.payload));
    if (datagram.segment_bytes != 0) line += fmt::format(" /{}", datagram.segment_bytes);
    if (datagram.hop_limit) line += fmt::format(" ttl {}", *datagram.hop_limit);
    if (datagram.from) line += fmt::format(" from {}", to_string(*datagram.from));
    went_.push_back(std::move(line));
  }
  return static_cast<int>(datagrams.size());
}

DatagramHost::Batch FakeHost::receive(int socket) {
  auto& arrived = sockets.at(socket).arrived;
  current_.clear();
  while (!arrived.empty() && current_.size() < most_in_batch) {
    current_.push_back(std::move(arrived.front()));
    arrived.pop_front();
  }
  batch_.clear();
  for (Arrived& each : current_) {
    batch_.push_back({each.from, {reinterpret_cast<uint8_t*>(each.data.data()), each.data.size()}, each.segment_bytes, each.to});
  }
  return {batch_, arrived.empty()};
}

std::optional<DatagramHost::Failure> FakeHost::failure(int socket) {
  auto& failures = sockets.at(socket).failures;
  if (failures.empty()) return std::nullopt;
  failed_ = std::move(failures.front());
  failures.pop_front();
  return Failure{failed_->to, failed_->error, failed_->offender, bytes_of(failed_->quoted)};
}

std::string FakeHost::went() {
  if (went_.empty()) return "";
  std::string line = std::move(went_.front());
  went_.pop_front();
  return line;
}

void DatagramScript::adds(std::string_view to, std::string_view data, const From& from) {
  const std::string& kept = burst_.emplace_back(data);
  const HostEndpoint remote = end_of(to);
  engine().input({.ends = {DatagramKind::udp, {*parse_ip(from.address), Port{from.port}, remote.address, remote.port}, {}, {}},
                  .hop_limit = from.hop_limit,
                  .payload = bytes_of(kept),
                  .segment_bytes = from.segment_bytes,
                  .may_open = from.may_open},
                 now);
}

void DatagramScript::sends(std::string_view to, std::string_view data, const From& from) {
  adds(to, data, from);
  end();
}

void DatagramScript::pings(std::string_view to, uint16_t id) {
  const IpAddress remote = *parse_ip(to);
  const bool v4 = std::holds_alternative<Ipv4>(remote);
  std::string& request = burst_.emplace_back(8, '\0');
  request[0] = static_cast<char>(v4 ? 8 : 128);
  request += "ping";
  engine().input({.ends = {DatagramKind::echo, {*parse_ip(v4 ? "10.0.2.100" : "fd00::64"), Port{id}, remote, Port{}}, {}, {}},
                  .payload = bytes_of(request)},
                 now);
  end();
}

void DatagramScript::brings_all(int socket, const std::vector<FakeHost::Arrived>& datagrams) {
  auto& there = host.sockets.at(socket);
  there.arrived.insert(there.arrived.end(), datagrams.begin(), datagrams.end());
  engine().host_ready(there.token, {.readable = true}, now);
  while (engine().has_work()) engine().run(now);
}

void DatagramScript::brings(int socket, std::string_view from, std::string_view data, size_t segment_bytes) {
  brings_all(socket, {{end_of(from), std::string(data), segment_bytes}});
}

void DatagramScript::fails(int socket, const FakeHost::Failed& failure) {
  auto& there = host.sockets.at(socket);
  there.failures.push_back(failure);
  engine().host_ready(there.token, {.failed = true}, now);
  engine().run(now);
}

void DatagramScript::passes(Duration time) {
  now += time;
  engine().run(now);
}

uint32_t DatagramScript::publishes(int socket, uint16_t port, bool is_way_out) {
  const auto token = engine().publish({.guest = *parse_ip("10.0.2.100"),
                                       .guest_port = Port{port},
                                       .socket = socket,
                                       .is_way_out = is_way_out,
                                       .guest_mac = {},
                                       .gateway_mac = {}});
  host.sockets.emplace(socket, FakeHost::Socket{*token});
  return *token;
}

std::string DatagramScript::hears() {
  if (heard_.empty()) return "";
  std::string line = std::move(heard_.front());
  heard_.pop_front();
  return line;
}

void DatagramScript::transmit(const DatagramEnds& ends, std::span<const iovec> payload, size_t segment_bytes) {
  const std::string data = joined(payload);
  const bool is_udp = ends.kind == DatagramKind::udp;
  std::string line = fmt::format("{}>{}{} {}", text_of(ends.key.remote, ends.key.remote_port), is_udp ? "" : "id ",
                                 ends.key.guest_port.number, is_udp ? data : data.substr(8));
  if (is_udp && data.size() > segment_bytes) line += fmt::format(" /{}", segment_bytes);
  if (!is_udp) {
    EXPECT_EQ(static_cast<uint8_t>(data[4]) << 8 | static_cast<uint8_t>(data[5]), ends.key.guest_port.number);
  }
  heard_.push_back(std::move(line));
}

void DatagramScript::report(const DatagramEnds& ends, const wire::IcmpError& error, const std::optional<IpAddress>& offender,
                            wire::Bytes quoted) {
  heard_.push_back(fmt::format("{}/{}{} by {} about {} {}", error.type, error.code,
                               error.rest == 0 ? "" : fmt::format(" {}", error.rest), offender ? to_string(*offender) : "gateway",
                               text_of(ends.key.remote, ends.key.remote_port), text(quoted.data(), quoted.size())));
}

void DatagramScript::expect_answer(const DatagramEnds& ends) {
  expected.push_back(text_of(ends.key.remote, ends.key.remote_port));
}

}  // namespace postern::flow
