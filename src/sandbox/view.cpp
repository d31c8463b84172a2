#include "view.h"

#include <unistd.h>

#include <algorithm>
#include <deque>
#include <string_view>

#include "postern/base/file.h"
#include "postern/base/text.h"

namespace postern::sandbox {

namespace {

constexpr int kMostLinks = 40;  // as the kernel follows, path_resolution(7)

enum class Wanted { directory, file };

std::deque<std::string> components(std::string_view path) {
  std::deque<std::string> result;
  while (!path.empty()) {
    const std::string_view name = take_until(path, '/');
    if (!name.empty() && name != ".") result.emplace_back(name);
  }
  return result;
}

std::string parent_of(const std::string& path) { return path.substr(0, path.find_last_of('/')); }

bool is_within(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

/// A directory that is shown for the sake of a link to another: not one that is as wide as /run or /var.
bool is_narrow(const std::string& directory) { return std::count(directory.begin(), directory.end(), '/') >= 2; }

class Walk {
 public:
  explicit Walk(const Host& host) : host_(host) {}

  void to(const std::string& path, Wanted wanted) {
    std::deque<std::string> ahead = components(path);
    std::string at;
    int links = 0;
    while (!ahead.empty()) {
      const std::string name = std::move(ahead.front());
      ahead.pop_front();
      if (name == "..") {
        at = parent_of(at);
        continue;
      }
      const std::string next = std::string(at).append("/").append(name);
      const auto link = links < kMostLinks ? host_.read_link(next) : std::nullopt;
      if (!link) {
        at = next;
        continue;
      }
      ++links;
      pass(next, *link, wanted == Wanted::file && ahead.empty());
      if (link->starts_with('/')) at.clear();
      std::deque<std::string> further = components(*link);
      ahead.insert(ahead.begin(), further.begin(), further.end());
    }
    const bool by_parent = wanted == Wanted::file && !parent_of(at).empty();
    if (by_parent) at = parent_of(at);
    while (wanted == Wanted::file && !at.empty() && !host_.exists(at)) at = parent_of(at);
    if (!at.empty() && host_.exists(at)) view_.directories.push_back(at);
  }

  View finish() && {
    auto& directories = view_.directories;
    std::sort(directories.begin(), directories.end());
    std::vector<std::string> outermost;
    for (const std::string& directory : directories) {
      if (!is_shown(directory, outermost)) outermost.push_back(directory);
    }
    std::erase_if(view_.links, [&](const View::Link& link) { return is_shown(link.path, outermost); });
    std::sort(view_.links.begin(), view_.links.end());
    view_.links.erase(std::unique(view_.links.begin(), view_.links.end()), view_.links.end());
    directories = std::move(outermost);
    return std::move(view_);
  }

 private:
  /// Where a link can be changed, its directory is shown, so that the change is seen.
  void pass(const std::string& path, const std::string& target, bool is_last) {
    const std::string directory = parent_of(path);
    if (!directory.empty() && (is_last || is_narrow(directory))) view_.directories.push_back(directory);
    view_.links.push_back({path, target});
  }
  static bool is_shown(const std::string& path, const std::vector<std::string>& directories) {
    return std::any_of(directories.begin(), directories.end(), [&](const auto& shown) { return is_within(path, shown); });
  }

  const Host& host_;
  View view_;
};

}  // namespace

View view_of(const std::vector<std::string>& directories, const std::vector<std::string>& files, const Host& host) {
  Walk walk(host);
  for (const std::string& directory : directories) walk.to(directory, Wanted::directory);
  for (const std::string& file : files) walk.to(file, Wanted::file);
  return std::move(walk).finish();
}

Host Host::real() {
  return {postern::read_link, [](const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }};
}

}  // namespace postern::sandbox
