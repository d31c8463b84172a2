// kernel_text.h - reads what the kernel and /etc say in text. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::doctor {

std::optional<int64_t> integer(std::string_view text);
/// The value of "NAME:\tVALUE" in /proc/PID/status text; empty if there is none.
std::string_view status_value(std::string_view status_text, std::string_view name);
/// Whether capability `number` is in the set "CapEff" of /proc/PID/status text, capabilities(7).
bool has_capability(std::string_view status_text, unsigned number);
/// Whether `id` is one that /proc/PID/uid_map or gid_map text maps: user_namespaces(7).
bool map_covers(std::string_view map_text, uint32_t id);

}  // namespace postern::doctor
