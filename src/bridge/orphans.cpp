#include "orphans.h"

#include <fmt/format.h>

#include <filesystem>

#include "postern/base/file.h"
#include "postern/base/text.h"
#include "postern/netns/namespace.h"

#include "identifiers.h"

namespace postern::bridge {

namespace {

namespace fs = std::filesystem;

std::vector<std::string_view> words_of(std::string_view command_line) {
  std::vector<std::string_view> words;
  while (!command_line.empty()) words.push_back(take_until(command_line, '\0'));
  return words;
}

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

std::optional<Helper> helper_of_command(std::string_view command_line, const std::string& folder,
                                        const std::string& proxy_program) {
  const auto words = words_of(command_line);
  if (words.size() == 3 && last_part(words[0]) == last_part(proxy_program) && words[1] == "proxy" &&
      words[2] == folder + "/ports")
    return Helper{Helper::Kind::proxy, ""};
  const std::string before = "--conf-file=" + folder + "/networks/";
  constexpr std::string_view kBehind = "/names/dnsmasq.conf";
  if (words.size() != 2 || last_part(words[0]) != "dnsmasq") return std::nullopt;
  std::string_view name = words[1];
  if (!name.starts_with(before) || !name.ends_with(kBehind) || name.size() < before.size() + kBehind.size()) return std::nullopt;
  name.remove_prefix(before.size());
  name.remove_suffix(kBehind.size());
  if (!is_interface_name(name)) return std::nullopt;
  return Helper{Helper::Kind::name_server, std::string(name)};
}

std::vector<RunningHelper> running_helpers(const std::string& folder, const std::string& proxy_program) {
  std::vector<RunningHelper> found;
  const auto own = netns::identity_of("/proc/self/ns/net");
  if (!own) return found;
  std::error_code ignored;
  for (fs::directory_iterator entry("/proc", ignored), end; entry != end; entry.increment(ignored)) {
    const auto pid = whole_number<pid_t>(entry->path().filename().native());
    if (!pid) continue;
    // Who it is first: a successor of that number would be another one, which is never told anything.
    const auto identity = process::identity_of_process(*pid);
    const auto helper = helper_of_command(read_file(entry->path() / "cmdline").value_or(""), folder, proxy_program);
    if (!identity || !helper) continue;
    const auto its = netns::identity_of(entry->path() / "ns/net");
    if (its && *its == *own) found.push_back({*helper, *identity});
  }
  return found;
}

}  // namespace postern::bridge
