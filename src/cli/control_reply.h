// control_reply.h - requests to a running postern and what its answers say. JSON, which throws, is fenced into its source.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "postern/base/result.h"
#include "postern/forward/port_table.h"

namespace postern::cli {

inline constexpr std::string_view kListRequest = R"({"execute":"list_hostfwd"})";
inline constexpr std::string_view kStatusRequest = R"({"execute":"status"})";
inline constexpr std::string_view kCountersRequest = R"({"execute":"counters"})";
std::string add_request(const forward::PortRequest& request);
std::string remove_request(forward::ForwardId id, forward::OpenConnections open);

/// A port that is published, as who published it says: where it leads to inside may be unknown.
struct PublishedPort {
  forward::ForwardId id = 0;
  forward::PortRequest port;
  bool operator==(const PublishedPort&) const = default;
};

/// Each fails with what the other side says is wrong, its errno as the code; or because it is no answer at all.
Status check_reply(std::string_view reply);
Result<forward::ForwardId> read_added(std::string_view reply);
Result<std::vector<PublishedPort>> read_list(std::string_view reply);

std::string list_json(const std::vector<PublishedPort>& list);
/// Of the answers to both requests.
Result<std::string> status_json(std::string_view status, std::string_view counters);
Result<std::string> status_text(std::string_view status, std::string_view counters);

}  // namespace postern::cli
