#include "floors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <regex>
#include <set>

namespace postern::lint {
namespace {

constexpr std::ptrdiff_t kReadmeLines = 25;
constexpr std::ptrdiff_t kSourceLines = 600;
constexpr std::ptrdiff_t kDoorLines = 150;
constexpr std::string_view kDoors = "include/postern/";

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::ptrdiff_t lines_of(const SourceFile& file) { return std::count(file.text.begin(), file.text.end(), '\n'); }

bool is_door(const SourceFile& file) { return file.path.starts_with(kDoors); }

/// The room that a path belongs to: "src/loop/x.cpp" and "include/postern/loop/x.h" are loop's.
std::optional<std::string> room_of(const SourceFile& file) {
  const std::vector<std::string> parts = split(file.path, "/");
  if (is_door(file) && parts.size() > 3) return parts[2];
  if (file.path.starts_with("src/") && parts.size() > 2) return parts[1];
  return std::nullopt;
}

std::vector<std::string> includes_of(const SourceFile& file) {
  static const std::regex include(R"re((^|\n)[ \t]*#[ \t]*include[ \t]*("[^"\n]+"|<postern/[^>\n]+>))re");
  std::vector<std::string> found;
  for (std::sregex_iterator match(file.text.begin(), file.text.end(), include), end; match != end; ++match) {
    const std::string quoted = (*match)[2];
    found.push_back(quoted.substr(1, quoted.size() - 2));
  }
  return found;
}

/// Why `room` may not include `target`, a path as it stands in the #include of `file`; empty if it may.
std::string objection(const SourceFile& file, const std::string& room, const std::string& target, const Floors& floors,
                      const std::set<std::string>& paths) {
  if (!target.starts_with("postern/")) {
    if (is_door(file)) return "a door includes only doors";
    if (!target.starts_with("..") && paths.contains("src/" + room + "/" + target)) return "";
    return "not a private header of this room";
  }
  const std::vector<std::string> parts = split(target, "/");
  const std::string other = parts.size() > 2 ? parts[1] : "";
  if (other == room) return "";
  const auto here = floors.find(room);
  const auto there = floors.find(other);
  if (there == floors.end()) return "there is no such room";
  if (here == floors.end() || there->second < here->second) return "";
  return fmt::format("{} (floor {}) may not include {} (floor {}): includes go down only", room, here->second, other,
                     there->second);
}

}  // namespace

Floors floors_of(const Tree& tree) {
  static const std::regex declaration(R"((^|\n)\s*postern_room\(\s*(\w+)\s+FLOOR\s+(\d+))");
  Floors floors;
  for (const SourceFile& file : tree) {
    std::smatch match;
    if (!file.path.starts_with("src/") || !file.path.ends_with("/CMakeLists.txt")) continue;
    if (std::regex_search(file.text, match, declaration) && room_of(file) == match[2]) floors[match[2]] = std::stoi(match[3]);
  }
  return floors;
}

Breaches rooms_without_papers(const Tree& tree, const Floors& floors) {
  std::map<std::string, std::optional<std::ptrdiff_t>> readme_lines;  // by room
  for (const SourceFile& file : tree) {
    const std::optional<std::string> room = room_of(file);
    if (!room) continue;
    std::optional<std::ptrdiff_t>& lines = readme_lines[*room];
    if (file.path == "src/" + *room + "/README.md") lines = lines_of(file);
  }
  Breaches found;
  for (const auto& [room, lines] : readme_lines) {
    if (!floors.contains(room)) found.push_back(fmt::format("src/{0}/CMakeLists.txt: no postern_room({0} FLOOR ...)", room));
    if (!lines) found.push_back(fmt::format("src/{}/README.md is missing: purpose, door, invariant, tests", room));
    if (lines.value_or(0) > kReadmeLines) found.push_back(fmt::format("src/{}/README.md: over {} lines", room, kReadmeLines));
  }
  return found;
}

Breaches forbidden_includes(const Tree& tree, const Floors& floors) {
  std::set<std::string> paths;
  for (const SourceFile& file : tree) paths.insert(file.path);
  Breaches found;
  for (const SourceFile& file : tree) {
    const std::optional<std::string> room = room_of(file);
    if (!room) continue;
    for (const std::string& target : includes_of(file)) {
      const std::string why = objection(file, *room, target, floors, paths);
      if (!why.empty()) found.push_back(fmt::format("{}: #include \"{}\": {}", file.path, target, why));
    }
  }
  return found;
}

Breaches too_long(const Tree& tree) {
  Breaches found;
  for (const SourceFile& file : tree) {
    const std::ptrdiff_t most = is_door(file) ? kDoorLines : kSourceLines;
    if (lines_of(file) > most) found.push_back(fmt::format("{}: {} lines, at most {}", file.path, lines_of(file), most));
  }
  return found;
}

Breaches nameless(const Tree& tree) {
  constexpr std::array<std::string_view, 7> kEmptyWords = {"util", "utils", "common", "helper", "helpers", "manager", "managers"};
  Breaches found;
  for (const SourceFile& file : tree) {
    for (const std::string& word : split(file.path, "/_.-")) {
      if (std::find(kEmptyWords.begin(), kEmptyWords.end(), word) == kEmptyWords.end()) continue;
      found.push_back(fmt::format("{}: \"{}\" names no concept", file.path, word));
    }
  }
  return found;
}

}  // namespace postern::lint
