#include "named_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <tuple>
#include <vector>

namespace postern::trace_cli {

namespace {

using Identity = std::pair<dev_t, ino_t>;

std::optional<Identity> identity_of(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) < 0) return std::nullopt;
  return Identity(found.st_dev, found.st_ino);
}

/// A file that is about to be made: its folder, and its name there.
struct Place {
  const char* option;
  std::string path;
  std::optional<Identity> folder = {};
  std::string name = {};
};

Place place_of(const char* option, const std::string& text) {
  const std::filesystem::path path(text);
  const std::string folder = path.parent_path().string();
  return {option, text, identity_of(folder.empty() ? "." : folder), path.filename().string()};
}

bool is_same(const Place& one, const Place& other) { return one.folder && one.folder == other.folder && one.name == other.name; }

}  // namespace

Status check_files_differ(const TraceOptions& options) {
  const auto read = options.replay.empty() ? std::nullopt : identity_of(options.replay);
  std::vector<Place> written;
  for (const auto& [option, path] :
       {std::pair("--record", &options.record), std::pair("--html", &options.html), std::pair("--pcap", &options.pcap)}) {
    if (path->empty() || *path == "-") continue;
    if (read && identity_of(*path) == read)
      return fail(fmt::format("{} {}: it would take the place of what --replay reads", option, *path));
    Place place = place_of(option, *path);
    for (const Place& earlier : written) {
      if (is_same(place, earlier))
        return fail(fmt::format("{} {}: it is the file of {} too", place.option, place.path, earlier.option));
    }
    written.push_back(std::move(place));
  }
  return {};
}

}  // namespace postern::trace_cli
