// id_map.h - which user and group ids of the host are which inside a user namespace, user_namespaces(7). Pure.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "postern/base/result.h"

namespace postern::netns {

/// `count` ids from `inside` on are the host's from `outside` on.
struct IdRange {
  uint32_t inside;
  uint32_t outside;
  uint32_t count;
  bool operator==(const IdRange&) const = default;
};
using IdMap = std::vector<IdRange>;

/// A line of /etc/subuid or /etc/subgid, subuid(5).
struct SubordinateRange {
  uint32_t first;
  uint32_t count;
  bool operator==(const SubordinateRange&) const = default;
};

/// The caller alone: as root inside, or under the id it has outside.
IdMap map_caller(uint32_t caller, uint32_t inside);
/// The caller as `inside`, and every other id from 0 up, as far as the subordinate ids reach.
IdMap map_all(uint32_t caller, uint32_t inside, const std::vector<SubordinateRange>& subordinate);
/// The lines of subuid(5) text that are for user `name` or `id`; lines that are not well formed are passed over.
std::vector<SubordinateRange> subordinate_ranges(std::string_view text, std::string_view name, uint32_t id);
/// For a namespace within one that has `map`: all of its ids, unchanged.
IdMap map_within(const IdMap& map);
/// As /proc/PID/uid_map wants it.
std::string to_map_file(const IdMap& map);
/// What /proc/PID/uid_map says; lines that are not well formed are passed over.
IdMap parse_map_file(std::string_view text);

}  // namespace postern::netns
