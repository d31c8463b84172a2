#include "postern/api/control_client.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstring>

#include "postern/base/assert.h"
#include "postern/base/file.h"
#include "postern/base/text.h"

#include "trace_words.h"

namespace postern::api {

namespace {

constexpr unsigned kAccepting = 0x10000;  // __SO_ACCEPTCON: a listener, not one end of a connection that has its name
constexpr timeval kPatience{.tv_sec = 10, .tv_usec = 0};

std::optional<pid_t> pid_in(std::string_view name, std::string_view prefix) {
  if (name.substr(0, prefix.size()) != prefix) return std::nullopt;
  name.remove_prefix(prefix.size());
  const auto pid = whole_number<pid_t>(name);
  return pid && *pid > 0 ? pid : std::nullopt;
}

/// The names under which somebody listens.
std::vector<std::string_view> listeners(std::string_view proc_net_unix) {
  std::vector<std::string_view> names;
  while (!proc_net_unix.empty()) {
    std::string_view line = take_line(proc_net_unix);  // Num RefCount Protocol Flags Type St Inode Path
    for (int skipped = 0; skipped < 3; ++skipped) (void)take_word(line);
    const unsigned flags = whole_number<unsigned>(take_word(line), 16).value_or(0);
    for (int skipped = 0; skipped < 3; ++skipped) (void)take_word(line);
    if (flags & kAccepting) names.push_back(trim(line));
  }
  return names;
}

Result<ucred> server_of(const UniqueFd& socket, const std::string& shown) {
  ucred server{};
  socklen_t size = sizeof server;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &server, &size) < 0) return fail_errno("ask who serves", shown);
  return server;
}

/// What belongs to another user could answer anything, and is told which ports we want.
Status check_server(const UniqueFd& socket, std::optional<uid_t> wanted, const std::string& shown) {
  const auto server = server_of(socket, shown);
  if (!server) return Failure(server.error());
  const bool trusted = wanted ? server->uid == *wanted : server->uid == ::geteuid() || ::geteuid() == 0;
  return trusted ? Status() : fail(fmt::format("{} belongs to another user ({})", shown, server->uid));
}

/// Behind its sandbox a relay knows no other user than its own, root as little as anybody: who connects is asked at that moment,
/// unix(7). Returns connect(2)'s errno.
int connect_as(std::optional<uid_t> uid, const UniqueFd& socket, const sockaddr_un& address, socklen_t size) {
  const bool changes = uid && *uid != 0 && ::geteuid() == 0;
  if (changes && ::seteuid(*uid) < 0) return errno;
  const int error = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) < 0 ? errno : 0;
  const bool is_back = !changes || ::seteuid(0) == 0;
  POSTERN_ASSERT(is_back);
  return error;
}

Result<std::string> read_all(const UniqueFd& socket, const std::string& shown) {
  std::string all;
  std::array<char, 65536> part;
  for (;;) {
    const ssize_t size = ::recv(socket.get(), part.data(), part.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size == 0 || (size < 0 && errno == ECONNRESET)) return all;
    if (size < 0) return fail_errno("read the answer of", shown);
    all.append(part.data(), static_cast<size_t>(size));
  }
}

constexpr std::string_view kSilent = " does not answer: it serves its own user and network namespace only";

}  // namespace

std::string control_name(uid_t uid, pid_t pid) { return fmt::format("postern/{}/{}", uid, pid); }

std::vector<pid_t> find_instances(std::string_view proc_net_unix, uid_t uid) {
  const std::string prefix = fmt::format("@{}", control_name(uid, 0));
  const std::string_view before_pid = std::string_view(prefix).substr(0, prefix.size() - 1);
  std::vector<pid_t> pids;
  for (const std::string_view name : listeners(proc_net_unix)) {
    if (const auto pid = pid_in(name, before_pid)) pids.push_back(*pid);
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

std::vector<InstanceName> find_instance_names(std::string_view proc_net_unix) {
  constexpr std::string_view kPrefix = "@postern/";
  std::vector<InstanceName> found;
  for (std::string_view name : listeners(proc_net_unix)) {
    if (!name.starts_with(kPrefix)) continue;
    name.remove_prefix(kPrefix.size());
    const auto uid = whole_number<uid_t>(take_until(name, '/'));
    const auto pid = pid_in(name, "");
    if (uid && pid) found.push_back({*uid, *pid});
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

Result<ControlClient> ControlClient::find(const InstanceChoice& choice) {
  const uid_t uid = ::geteuid();
  if (choice.path) return ControlClient(Kind::file, *choice.path);
  if (choice.pid) return ControlClient(Kind::abstract, control_name(choice.uid.value_or(uid), *choice.pid), choice.uid);
  POSTERN_TRY(text, read_file("/proc/net/unix"), "look for a running postern");
  auto pids = find_instances(text, uid);
  // Anybody may take such a name, and let us wait.
  const auto is_anothers = [uid](pid_t pid) {
    return !ControlClient(Kind::abstract, control_name(uid, pid)).connect(Patience::none);
  };
  pids.erase(std::remove_if(pids.begin(), pids.end(), is_anothers), pids.end());
  if (pids.empty()) return fail("no postern of yours runs here (postern run has a control socket, attach with --api-socket)");
  if (pids.size() > 1) {
    return fail(fmt::format("several run: choose one by --pid ({})", fmt::join(pids, ", ")));
  }
  return ControlClient(Kind::abstract, control_name(uid, pids.front()));
}

Result<UniqueFd> ControlClient::connect(Patience patience) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = std::string(kind_ == Kind::abstract ? 1 : 0, '\0').append(name_);
  if (path.size() >= sizeof address.sun_path) return fail(fmt::format("{}: the path is too long (>= 108)", shown()));
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (patience == Patience::none ? SOCK_NONBLOCK : 0), 0));
  if (!socket) return fail_errno("socket");
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  if (const int error = connect_as(uid_, socket, address, size)) {
    errno = error;
    return fail_errno("connect to", shown());
  }
  if (const Status good = check_server(socket, uid_, shown()); !good) return Failure(good.error());
  return socket;
}

Result<std::string> ControlClient::ask(std::string_view request) const {
  const auto socket = connect(Patience::some);
  if (!socket) return Failure(socket.error());
  if (::send(socket->get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return fail_errno("ask", shown());
  ::shutdown(socket->get(), SHUT_WR);
  auto reply = read_all(*socket, shown());
  if (reply && reply->empty()) return fail(shown().append(kSilent));
  return reply;
}

Result<pid_t> ControlClient::server() const {
  const auto socket = connect(Patience::none);
  if (!socket) return Failure(socket.error());
  const auto server = server_of(*socket, shown());
  return server ? Result<pid_t>(server->pid) : Failure(server.error());
}

Result<ControlClient::Events> ControlClient::trace(std::string_view filter, journey::Following::Extent follow) const {
  auto socket = connect(Patience::none);
  if (!socket) return Failure(socket.error());
  const auto server = server_of(*socket, shown());
  if (!server) return Failure(server.error());
  const std::string request = trace_request(filter, follow);
  const ssize_t sent = ::send(socket->get(), request.data(), request.size(), MSG_NOSIGNAL);
  if (sent < 0) return fail_errno("ask", shown());
  if (static_cast<size_t>(sent) != request.size()) return fail(shown().append(": the filter is too long to be sent"));
  return Events{*std::move(socket), server->pid};
}

Status ControlClient::check_grant(std::string_view first_line) {
  const auto refusal = trace_refusal(first_line);
  return refusal ? fail(*refusal) : Status();
}

}  // namespace postern::api
