#include "store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "postern/base/file.h"
#include "postern/base/socket_address.h"
#include "postern/base/text.h"
#include "postern/netns/namespace.h"

#include "identifiers.h"

namespace postern::bridge {

namespace {

namespace fs = std::filesystem;

constexpr const char* kUnfinished = ".new";  // at the end of a file's name
// Root's alone, but for the way to names/, where a DNS server reads that is not root. Whoever may open the lock may hold it, and
// so keep everybody out.
constexpr mode_t kOpenFolder = 0755, kWayFolder = 0711, kClosedFolder = 0700, kFileMode = 0600;

/// The umask has no say: a DNS server that is not root would find its way closed.
Status make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), kOpenFolder) < 0) return errno == EEXIST ? Status() : fail_errno("make", path);
  if (::chmod(path.c_str(), kOpenFolder) < 0) return fail_errno("chmod", path);
  return {};
}

/// One of the state: of that mode also where somebody was killed before he had set it.
Status make_own_folder(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) < 0 && errno != EEXIST) return fail_errno("make", path);
  if (::chmod(path.c_str(), mode) < 0) return fail_errno("chmod", path);
  return {};
}

/// All that lead to it.
Status make_folders_above(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != path.npos; slash = path.find('/', slash + 1)) {
    if (Status made = make_folder(path.substr(0, slash)); !made) return made;
  }
  return {};
}

/// The names in a folder, sorted; none where it is not.
std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (fs::directory_iterator entry(path, ignored), end; entry != end; entry.increment(ignored)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

template <class Value, class Parse>
Result<Value> read_record(const std::string& path, Parse&& parse) {
  const auto text = read_file(path);
  if (!text) return Failure(text.error());
  auto value = parse(*text);
  if (!value) return within(path + " is damaged (postern bridge gc takes it away)", value.error());
  return value;
}

bool is_damaged(const Error& error) { return error.is(std::errc::bad_message); }

std::string last_file(int family) { return family == AF_INET ? "last4" : "last6"; }

}  // namespace

std::string key_of(std::string_view id, std::string_view interface) { return fmt::format("{}@{}", id, interface); }

/// Two that come first would write the same file beside, so the lock comes before the identity.
Result<UniqueFd> Store::lock() const {
  POSTERN_CHECK(make_folders_above(folder_), "state");
  for (const char* part : {"", "/networks"}) POSTERN_CHECK(make_own_folder(folder_ + part, kOpenFolder), "state");
  POSTERN_TRY(held, hold_lock(O_CREAT), "state");
  POSTERN_CHECK(keep_identity(), "state");
  return held;
}

Result<UniqueFd> Store::lock_to_look() const {
  auto held = hold_lock(0);
  if (!held && held.error().is(std::errc::no_such_file_or_directory)) return UniqueFd();
  if (!held) return held;
  POSTERN_TRY(ours, own_identity(), "state");
  POSTERN_CHECK(check_identity(ours), "state");
  return held;
}

Result<UniqueFd> Store::hold_lock(int flags) const {
  const std::string path = folder_ + "/lock";
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CLOEXEC | flags, kFileMode));
  if (!file || ::fchmod(file.get(), kFileMode) < 0) return fail_errno("open", path);
  while (::flock(file.get(), LOCK_EX) < 0) {
    if (errno != EINTR) return fail_errno("lock", path);
  }
  return file;
}

/// Links and rules are those of one network namespace, and so is what is written about them.
Result<std::string> Store::own_identity() const {
  POSTERN_TRY(own, netns::identity_of("/proc/self/ns/net"), "state");
  return fmt::format("{}:{}\n", own.device, own.inode);
}

Status Store::check_identity(const std::string& ours) const {
  const auto kept = read_file(folder_ + "/namespace");
  if (!kept || *kept == ours || names_in(folder_ + "/networks").empty()) return {};
  return fail(fmt::format(
      "{} tells of the networks of another network namespace (run this in that one, or with a /run of its own)", folder_));
}

Status Store::keep_identity() const {
  POSTERN_TRY(ours, own_identity(), "state");
  if (Status good = check_identity(ours); !good) return good;
  const auto kept = read_file(folder_ + "/namespace");
  return kept && *kept == ours ? Status() : replace("namespace", ours);
}

Status Store::replace(const std::string& path, std::string_view text) const {
  const std::string final_path = folder_ + "/" + path, temporary = final_path + kUnfinished;
  const UniqueFd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode));
  if (!file || ::fchmod(file.get(), kFileMode) < 0) return fail_errno("write", temporary);
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0) return fail_errno("write", temporary);
    text.remove_prefix(static_cast<size_t>(written));
  }
  if (::fsync(file.get()) < 0) return fail_errno("write", temporary);
  if (::rename(temporary.c_str(), final_path.c_str()) < 0) return fail_errno("replace", final_path);
  return {};
}

Status Store::remove(const std::string& path) const {
  const std::string full = folder_ + "/" + path;
  if (::unlink(full.c_str()) < 0 && errno != ENOENT) return fail_errno("remove", full);
  return {};
}

Status Store::remove_unfinished() const {
  std::error_code error;
  for (fs::recursive_directory_iterator file(folder_, error), end; !error && file != end; file.increment(error)) {
    if (!file->is_regular_file(error) || !file->path().native().ends_with(kUnfinished)) continue;
    if (::unlink(file->path().c_str()) < 0 && errno != ENOENT) return fail_errno("remove", file->path().native());
  }
  if (error) return Failure(Error{error, "look through " + folder_});
  return {};
}

Result<std::optional<Pending>> Store::pending() const {
  auto pending = read_record<Pending>(folder_ + "/pending", parse_pending);
  if (pending) return std::optional(std::move(*pending));
  if (pending.error().is(std::errc::no_such_file_or_directory)) return std::optional<Pending>();
  return Failure(pending.error());
}

Status Store::clear_pending() const { return remove("pending"); }

Result<std::vector<Network>> Store::networks() const {
  std::vector<Network> found;
  for (const std::string& name : names_in(folder_ + "/networks")) {
    auto one = network(name);
    if (one) {
      found.push_back(std::move(*one));
    } else if (!one.error().is(std::errc::no_such_file_or_directory)) {
      return Failure(one.error());
    }
  }
  return found;
}

std::vector<Network> Store::readable_networks() const {
  std::vector<Network> found;
  for (const std::string& name : names_in(folder_ + "/networks")) {
    if (auto one = network(name)) found.push_back(std::move(*one));
  }
  return found;
}

std::vector<Store::Damaged> Store::damaged_networks() const {
  std::vector<Damaged> found;
  for (const std::string& name : names_in(folder_ + "/networks")) {
    const auto one = network(name);
    if (!one && is_interface_name(name)) found.push_back({name, one.error().message()});
  }
  return found;
}

Result<Network> Store::network(const std::string& name) const {
  const std::string path = network_folder(name) + "/network.json";
  auto found = read_record<Network>(path, parse_network);
  if (found && found->spec.name != name) return fail(std::errc::bad_message, path + " is of " + found->spec.name);
  return found;
}

Status Store::keep(const Network& network) const {
  const std::string folder = network_folder(network.spec.name);
  struct Part {
    const char* name;
    mode_t mode;
  };
  for (const auto& [part, mode] : {Part{"", kWayFolder}, Part{"/addresses", kClosedFolder}, Part{"/endpoints", kClosedFolder},
                                   Part{"/names", kOpenFolder}}) {
    if (Status made = make_own_folder(folder + part, mode); !made) return made;
  }
  return replace("networks/" + network.spec.name + "/network.json", to_text(network));
}

/// Its record first: without that, the rest is nothing.
Status Store::forget_network(const std::string& name) const {
  if (Status removed = forget_record(name); !removed) return removed;
  std::error_code error;
  fs::remove_all(network_folder(name), error);
  if (error) return Failure(Error{error, "remove " + network_folder(name)});
  return {};
}

std::vector<std::string> Store::keys(const std::string& network) const {
  constexpr std::string_view kEnd = ".json";
  std::vector<std::string> found;
  for (const std::string& name : names_in(network_folder(network) + "/endpoints")) {
    if (name.ends_with(kEnd)) found.push_back(name.substr(0, name.size() - kEnd.size()));
  }
  return found;
}

Result<std::vector<Endpoint>> Store::endpoints(const std::string& network) const {
  std::vector<Endpoint> found;
  for (const std::string& key : keys(network)) {
    auto one = endpoint(network, key);
    if (!one && is_damaged(one.error())) continue;
    if (!one) return Failure(one.error());
    found.push_back(std::move(*one));
  }
  return found;
}

std::vector<Store::Damaged> Store::damaged_endpoints(const std::string& network) const {
  std::vector<Damaged> found;
  for (const std::string& key : keys(network)) {
    const auto one = endpoint(network, key);
    if (!one && is_damaged(one.error())) found.push_back({key, one.error().message()});
  }
  return found;
}

Result<Endpoint> Store::endpoint(const std::string& network, const std::string& key) const {
  const std::string path = folder_ + "/" + endpoint_file(network, key);
  auto found = read_record<Endpoint>(path, parse_endpoint);
  if (found && (found->network != network || key_of(*found) != key))
    return fail(std::errc::bad_message, fmt::format("{} is of {} of {}", path, key_of(*found), found->network));
  return found;
}

Status Store::keep(const Endpoint& endpoint) const {
  return replace(endpoint_file(endpoint.network, key_of(endpoint)), to_text(endpoint));
}

Status Store::forget_endpoint(const std::string& network, const std::string& key) const {
  return remove(endpoint_file(network, key));
}

Result<bool> Store::claim(const std::string& network, const IpAddress& address, std::string_view key) const {
  const std::string path = network_folder(network) + "/addresses/" + to_string(address);
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
  if (!file && errno == EEXIST) return false;
  if (!file) return fail_errno("claim", path);
  if (::write(file.get(), key.data(), key.size()) == static_cast<ssize_t>(key.size())) return true;
  auto failure = fail_errno("claim", path);
  ::unlink(path.c_str());  // a claim of nobody would be there for good
  return failure;
}

Status Store::release(const std::string& network, const IpAddress& address) const {
  return remove("networks/" + network + "/addresses/" + to_string(address));
}

Result<std::vector<Store::Claim>> Store::claims(const std::string& network) const {
  std::vector<Claim> found;
  const std::string folder = network_folder(network) + "/addresses/";
  for (const std::string& name : names_in(folder)) {
    const auto address = parse_ip(name);
    if (!address) continue;
    const auto key = read_file(folder + name);
    if (!key) return Failure(key.error());
    found.push_back({*address, *key});
  }
  return found;
}

std::optional<IpAddress> Store::last_given(const std::string& network, int family) const {
  const auto text = read_file(network_folder(network) + "/" + last_file(family));
  return text ? parse_ip(trim(*text)) : std::nullopt;
}

Status Store::set_last_given(const std::string& network, const IpAddress& address) const {
  return replace("networks/" + network + "/" + last_file(family_of(address)), to_string(address) + "\n");
}

std::string Store::ports() const { return read_file(ports_file()).value_or(""); }

std::optional<ProxyRecord> Store::proxy() const {
  const auto record = read_record<ProxyRecord>(folder_ + "/proxy.json", parse_proxy);
  return record ? std::optional(*record) : std::nullopt;
}

Status Store::forget_proxy() const { return remove("proxy.json"); }

}  // namespace postern::bridge
