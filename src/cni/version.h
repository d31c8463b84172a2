// version.h - the versions of CNI's specification that are spoken, and what each knows.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace postern::cni {

/// In the order of their age. 0.3.0 and 0.3.1 differ in a typing error.
enum class Version { v0_3_0, v0_3_1, v0_4_0, v1_0_0, v1_1_0 };

inline constexpr std::array<std::string_view, 5> kVersions = {"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"};
inline constexpr Version kLatest = Version::v1_1_0;

constexpr std::string_view name(Version version) { return kVersions[static_cast<size_t>(version)]; }

constexpr std::optional<Version> parse_version(std::string_view text) {
  for (size_t i = 0; i < kVersions.size(); ++i) {
    if (kVersions[i] == text) return static_cast<Version>(i);
  }
  return std::nullopt;
}

enum class Command { add, del, check, version, gc, status };

inline constexpr std::array<std::string_view, 6> kCommands = {"ADD", "DEL", "CHECK", "VERSION", "GC", "STATUS"};

constexpr std::string_view name(Command command) { return kCommands[static_cast<size_t>(command)]; }

/// CHECK came with 0.4.0, GC and STATUS with 1.1.0.
constexpr bool knows(Version version, Command command) {
  if (command == Command::check) return version >= Version::v0_4_0;
  if (command == Command::gc || command == Command::status) return version >= Version::v1_1_0;
  return true;
}

}  // namespace postern::cni
