// census.cpp - /proc and /run/netns, read once each.
#include "postern/netns/census.h"

#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>

#include "postern/base/file.h"
#include "postern/base/harmless.h"
#include "postern/base/text.h"

namespace postern::netns {

namespace {

constexpr std::string_view kOurInit = "postern-init";                  // of `postern run`: what it runs tells people more
constexpr std::string_view kFirstUserNamespace = "user:[4026531837]";  // PROC_USER_INIT_INO, the kernel's own, everywhere

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

/// The names in a folder, those of "." and ".." too; nothing: it cannot be listed.
std::optional<std::vector<std::string>> list_folder(const std::string& path) {
  const std::unique_ptr<DIR, CloseFolder> folder(::opendir(path.c_str()));
  if (!folder) return std::nullopt;
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(folder.get())) names.emplace_back(entry->d_name);
  return names;
}

/// "net:[4026531840]" is 4026531840.
std::optional<ino_t> inode_in(const std::optional<std::string>& link) {
  constexpr std::string_view kBefore = "net:[";
  if (!link || !link->starts_with(kBefore) || !link->ends_with(']')) return std::nullopt;
  return whole_number<ino_t>(std::string_view(*link).substr(kBefore.size(), link->size() - kBefore.size() - 1));
}

std::optional<ino_t> namespace_of(const std::string& proc_folder) { return inode_in(read_link(proc_folder + "/ns/net")); }

std::vector<pid_t> processes_in(const std::vector<std::string>& names) {
  std::vector<pid_t> pids;
  for (const std::string& name : names) {
    if (const auto pid = whole_number<pid_t>(name)) pids.push_back(*pid);
  }
  std::ranges::sort(pids);
  return pids;
}

Resident resident_of(const CensusPlaces& places, pid_t pid) {
  auto name = read_file(fmt::format("{}/{}/comm", places.proc, pid)).value_or("");
  if (name.ends_with('\n')) name.pop_back();
  return {pid, std::move(name)};
}

using Found = std::map<ino_t, SeenNamespace>;

/// Returns how many processes did not show where they are.
size_t look_at_processes(const CensusPlaces& places, const std::vector<pid_t>& pids, Found& found) {
  size_t unreadable = 0;
  for (const pid_t pid : pids) {  // from the least on: the first that is seen in a namespace stands for it
    const std::string link = fmt::format("{}/{}/ns/net", places.proc, pid);
    errno = 0;
    const auto inode = inode_in(read_link(link));
    if (!inode) {
      unreadable += errno == EACCES || errno == EPERM;
      continue;
    }
    SeenNamespace& seen = found[*inode];
    if (seen.resident && seen.resident->name != kOurInit) continue;
    seen.inode = *inode;
    if (!seen.resident) seen.path = link;  // our init is there to the end
    seen.resident = resident_of(places, pid);
  }
  return unreadable;
}

void look_at_names(const std::string& folder, Found& found) {
  auto names = list_folder(folder).value_or(std::vector<std::string>());
  std::ranges::sort(names);
  for (const std::string& name : names) {
    if (name == "." || name == "..") continue;
    const std::string path = fmt::format("{}/{}", folder, name);
    const auto opened = open_namespaces_at(path);
    const auto identity = opened ? identity_of(opened->network.get()) : Failure(opened.error());
    if (!identity) continue;  // a file that is none, as an interrupted ip-netns(8) leaves it
    SeenNamespace& seen = found[identity->inode];
    seen.inode = identity->inode;
    if (seen.path.empty()) seen.path = path;
    if (std::ranges::find(seen.names, name) == seen.names.end()) seen.names.push_back(name);  // /var/run is /run
  }
}

/// What stands for the first process where that is hidden: the kernel's own threads; or else the caller, if he is in the host's
/// first user namespace and no name says otherwise. (The only processes that an ordinary user sees in their namespaces are his.)
Found::iterator taken_for_host(const CensusPlaces& places, Found& found, Found::iterator own) {
  const auto kernel = found.find(namespace_of(places.proc + "/2").value_or(0));
  if (kernel != found.end() && resident_of(places, 2).name == "kthreadd") return kernel;
  const bool likely = own != found.end() && own->second.names.empty();
  return likely && read_link(places.proc + "/self/ns/user") == kFirstUserNamespace ? own : found.end();
}

void mark(const CensusPlaces& places, Found& found) {
  const auto own = found.find(namespace_of(places.proc + "/thread-self").value_or(0));
  auto host = found.find(namespace_of(places.proc + "/1").value_or(0));
  if (host == found.end()) host = taken_for_host(places, found, own);
  if (own != found.end()) own->second.is_own = true;
  if (host != found.end()) host->second.is_host = true;
}

/// How many letters must be put in, left out or changed to make one of the other, Levenshtein 1966.
size_t distance(std::string_view one, std::string_view other) {
  std::vector<size_t> row(other.size() + 1);
  for (size_t i = 0; i < row.size(); ++i) row[i] = i;
  for (size_t i = 0; i < one.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < other.size(); ++j) {
      const size_t changed = diagonal + (one[i] == other[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

/// At most so many that they fit into a line: those that are nearly `text`, or else the first.
std::string names_near(std::string_view text, const Census& census) {
  constexpr size_t kMost = 6, kNear = 2;
  std::vector<std::string> near, all;
  for (const SeenNamespace& seen : census.namespaces) {
    std::vector<std::string> names = seen.names;
    names.push_back(short_name(seen));
    for (const std::string& name : names) {
      if (std::ranges::find(all, harmless(name)) != all.end()) continue;
      all.push_back(harmless(name));
      if (distance(text.substr(0, 64), name.substr(0, 64)) <= kNear || name.starts_with(text)) near.push_back(harmless(name));
    }
  }
  std::vector<std::string>& chosen = near.empty() ? all : near;
  const bool left_off = chosen.size() > kMost;
  if (left_off) chosen.resize(kMost);
  return fmt::format("{}{}{}{}", near.empty() ? "there is " : "is it ", fmt::join(chosen, ", "), left_off ? ", ..." : "",
                     near.empty() ? ";" : "?");
}

/// With the user namespace that owns the network namespace: the process may be in another, further in, that has no power over it.
Result<NamespaceHandle> open_of_process(pid_t pid) {
  auto handle = open_namespaces_at(fmt::format("/proc/{}/ns/net", pid));
  if (handle) return handle;
  if (handle.error().is(std::errc::no_such_file_or_directory)) {
    return fail(std::errc::no_such_process, fmt::format("there is no process {}", pid));
  }
  return within(fmt::format("process {}", pid), handle.error());
}

bool is_called(const SeenNamespace& seen, std::string_view text) {
  if (text == "self") return seen.is_own;
  if (text == "host") return seen.is_host;
  return std::ranges::find(seen.names, text) != seen.names.end() || short_name(seen) == text;
}

}  // namespace

const SeenNamespace* Census::find(ino_t inode) const {
  const auto found = std::ranges::find(namespaces, inode, &SeenNamespace::inode);
  return found == namespaces.end() ? nullptr : &*found;
}

Result<Census> take_census(const CensusPlaces& places) {
  const auto listed = list_folder(places.proc);
  if (!listed) return fail_errno("list", places.proc);
  Found found;
  Census census;
  census.unreadable = look_at_processes(places, processes_in(*listed), found);
  for (const std::string& folder : places.names) look_at_names(folder, found);
  mark(places, found);
  for (auto& [inode, seen] : found) census.namespaces.push_back(std::move(seen));
  std::stable_partition(census.namespaces.begin(), census.namespaces.end(),
                        [](const SeenNamespace& seen) { return seen.is_host; });
  return census;
}

void add_names(Census& census, std::span<const GivenName> names) {
  for (const GivenName& given : names) {
    const auto found = std::ranges::find(census.namespaces, given.inode, &SeenNamespace::inode);
    if (found == census.namespaces.end()) continue;
    if (std::ranges::find(found->names, given.name) == found->names.end()) found->names.push_back(given.name);
  }
}

std::string short_name(const SeenNamespace& seen) {
  if (!seen.names.empty()) return seen.names.front();
  if (seen.is_host) return "host";
  if (seen.resident) return fmt::format("{} ({})", seen.resident->name, seen.resident->pid);
  return fmt::format("netns {}", seen.inode);
}

Result<NamespaceHandle> open_seen(const SeenNamespace& seen) {
  auto handle = open_namespaces_at(seen.path);
  if (!handle && handle.error().is(std::errc::permission_denied)) return handle;
  const auto identity = handle ? identity_of(handle->network.get()) : Failure(handle.error());
  if (identity && identity->inode == seen.inode) return handle;
  return fail(std::errc::no_such_process, fmt::format("namespace {} has gone", harmless(short_name(seen))));
}

Result<NamespaceHandle> find_namespace(std::string_view text, const Census& census) {
  if (text.find('/') != text.npos) return open_namespaces_at(std::string(text));
  if (const auto pid = whole_number<pid_t>(text)) return open_of_process(*pid);
  const auto found = std::ranges::find_if(census.namespaces, [&](const SeenNamespace& seen) { return is_called(seen, text); });
  if (found != census.namespaces.end()) return open_seen(*found);
  return fail(std::errc::no_such_file_or_directory, fmt::format("no network namespace is called \"{}\" ({} or a PID, or a path)",
                                                                harmless(text), names_near(text, census)));
}

}  // namespace postern::netns
