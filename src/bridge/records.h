// records.h - networks and endpoints as text: the files of the state folder. JSON, fenced into records.cpp.
#pragma once

#include <string>
#include <string_view>

#include "postern/bridge/network.h"

namespace postern::bridge {

/// What an operation is about to do, written before it does anything: what a later one must undo if this one is killed.
struct Pending {
  enum class Operation : uint8_t { up, down, attach, detach, publish } operation = Operation::up;
  std::string network;
  std::string endpoint;        // its key(); empty for up and down
  std::string host_interface;  // likewise
  bool operator==(const Pending&) const = default;
};

/// The helper that serves clients on the host's loopback.
struct ProxyRecord {
  pid_t pid = 0;
  uint64_t start_time = 0;
  Port port4, port6;  // 0: it does not listen in that family
  bool operator==(const ProxyRecord&) const = default;
};

std::string to_text(const Network& network);
std::string to_text(const Endpoint& endpoint);
std::string to_text(const Pending& pending);
std::string to_text(const ProxyRecord& proxy);

/// Errors: it is not what to_text() writes.
Result<Network> parse_network(std::string_view text);
Result<Endpoint> parse_endpoint(std::string_view text);
Result<Pending> parse_pending(std::string_view text);
Result<ProxyRecord> parse_proxy(std::string_view text);

}  // namespace postern::bridge
