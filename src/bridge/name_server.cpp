// name_server.cpp - how dnsmasq is configured, started and told of changes.
//
// Started as a daemon: its first process ends with status 0 when the sockets are bound, the pid file is written and the privilege
// is gone, and with words on standard error otherwise. The pid file belongs to `nobody` and may be stale, so it only says where
// to look: ours is the process whose command line names our configuration.
//
// Names: dnsmasq sees a file that comes into hosts/ by inotify(7), before a query that is sent after it. Not every version
// forgets what a changed or removed file said; a SIGHUP makes each read all of them again.
#include "name_server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <utility>

#include "postern/base/file.h"
#include "postern/base/text.h"
#include "postern/base/unique_fd.h"
#include "postern/bridge/host_name.h"
#include "postern/process/child.h"
#include "postern/process/detached.h"
#include "postern/process/signals.h"

#include "port_holder.h"

namespace postern::bridge {

namespace {

using namespace std::chrono_literals;
using process::ProcessIdentity;

constexpr auto kPatience = 10s;  // reached only when something is wrong
constexpr Port kDns{53};
constexpr int kBadNetwork = 2;  // dnsmasq(8), EXIT CODES: a problem with network access, such as an address in use

std::string configuration_of(const std::string& folder) { return folder + "/dnsmasq.conf"; }
std::string pid_file_of(const std::string& folder) { return folder + "/dnsmasq.pid"; }
std::string hosts_of(const std::string& folder) { return folder + "/hosts"; }
std::string configuration_argument(const std::string& folder) { return "--conf-file=" + configuration_of(folder); }

/// PATH first; who is no administrator often lacks the second in it.
std::optional<std::string> find_dnsmasq() {
  const char* path = std::getenv("PATH");
  const std::string folders = std::string(path ? path : "/usr/bin:/bin") + ":/usr/sbin";
  for (std::string_view rest = folders; !rest.empty();) {
    const std::string candidate = std::string(take_until(rest, ':')) + "/dnsmasq";
    if (candidate.starts_with('/') && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

/// A network's name may be none of DNS: "a..b".
bool is_domain(std::string_view name) {
  std::string hyphenated(name);
  std::replace(hyphenated.begin(), hyphenated.end(), '_', 'x');
  return is_host_name(hyphenated);
}

/// In a user namespace of few ids there is nobody to become: whoever starts it is all that it can be, and it is no more than
/// that.
bool has_few_ids() {
  const auto map = read_file("/proc/self/gid_map");
  uint64_t ids = 0;
  for (std::string_view rest = map ? *map : std::string_view(); !rest.empty();) {
    std::string_view line = take_line(rest);
    take_word(line);
    take_word(line);
    ids += whole_number<uint64_t>(take_word(line)).value_or(0);
  }
  constexpr uint64_t kUsual = 65'536;  // those of a distribution: root to nobody
  return ids < kUsual;
}

std::string configuration(const NameServerPlan& plan) {
  std::string text = "# Written by postern for the network " + plan.network + " (" + plan.bridge + "); changes are lost.\n";
  text += "pid-file=" + pid_file_of(plan.folder) + "\nhostsdir=" + hosts_of(plan.folder) + "\nno-hosts\n";
  // Not bind-interfaces: an IPv6 address of a bridge without a carrier stays tentative until the first container comes.
  text += "bind-dynamic\n";
  for (const IpAddress& address : plan.addresses) text += "listen-address=" + to_string(address) + "\n";
  text += "domain-needed\n";
  if (has_few_ids()) text += "user=root\ngroup=\n";
  if (is_domain(plan.network)) text += "domain=" + plan.network + "\nexpand-hosts\nlocal=/" + plan.network + "/\n";
  // Nothing but what is known here, and "no such name" at once: a refusal would make resolvers try again and again.
  text += plan.has_upstream ? "resolv-file=/etc/resolv.conf\n" : "no-resolv\nlocal=/#/\n";
  return text;
}

/// A file that is there whole or not at all, readable for everybody. Its name while it is being written begins with a dot:
/// dnsmasq reads none of those in hosts/.
Status replace_file(const std::string& folder, const std::string& name, std::string_view text) {
  const std::string path = folder + "/" + name, unfinished = folder + "/." + name + ".new";
  ::unlink(unfinished.c_str());  // of one who was killed
  const UniqueFd file(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file) return fail_errno("create", unfinished);
  const bool written =
      ::fchmod(file.get(), 0644) == 0 && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (!written || ::rename(unfinished.c_str(), path.c_str()) < 0) {
    const Failure failure = fail_errno("write", path);
    ::unlink(unfinished.c_str());
    return failure;
  }
  return {};
}

Status make_hosts_folder(const std::string& folder) {
  const std::string hosts = hosts_of(folder);
  if (::mkdir(hosts.c_str(), 0755) < 0 && errno != EEXIST) return fail_errno("mkdir", hosts);
  if (::chmod(hosts.c_str(), 0755) < 0) return fail_errno("chmod", hosts);  // the umask had its say
  return {};
}

bool is_file_name(std::string_view id) {
  constexpr size_t kMost = 200;  // and what replace_file adds: below NAME_MAX
  return !id.empty() && id.size() <= kMost && id.front() != '.' && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' ||
           c == '@';
  });
}

/// The server of `folder`, if it runs.
std::optional<ProcessIdentity> running_server(const std::string& folder) {
  const std::string text = read_file(pid_file_of(folder), 32).value_or("");
  const auto pid = whole_number<pid_t>(trim(text));
  if (!pid || *pid <= 1) return std::nullopt;
  // Who it is first, and what it runs after: a successor of that number would be another identity, which is never told anything.
  const auto identity = process::identity_of_process(*pid);
  if (!identity || !process::is_running(*identity)) return std::nullopt;
  const std::string command = read_file("/proc/" + std::to_string(*pid) + "/cmdline").value_or("");
  std::string_view rest = command;
  take_until(rest, '\0');
  if (take_until(rest, '\0') != configuration_argument(folder) || !rest.empty()) return std::nullopt;
  return *identity;
}

struct Finished {
  process::ExitStatus status;
  std::string said;
};

/// Runs dnsmasq until it is a daemon, or has failed. What it says goes to a file and not to a pipe, whose end could be long in
/// coming.
Result<Finished> run_dnsmasq(const std::string& program, const std::string& folder) {
  UniqueFd said(::memfd_create("dnsmasq", MFD_CLOEXEC));
  if (!said) return fail_errno("memfd_create");
  const std::string argument = configuration_argument(folder);
  const char* const argv[] = {program.c_str(), argument.c_str(), nullptr};
  POSTERN_TRY(child,
              process::Child::fork(0,
                                   [&] {
                                     const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
                                     ::dup2(nothing, STDIN_FILENO);
                                     ::dup2(nothing, STDOUT_FILENO);
                                     ::dup2(said.get(), STDERR_FILENO);
                                     process::restore_default_signals();
                                     ::execv(program.c_str(), const_cast<char**>(argv));
                                     return 127;
                                   }),
              program);
  pollfd ended{child.pidfd(), POLLIN, 0};
  const auto milliseconds = static_cast<int>(std::chrono::milliseconds(kPatience).count());
  if (::poll(&ended, 1, milliseconds) == 0) return fail(std::errc::timed_out, program + " does not become a daemon");
  POSTERN_TRY(status, child.wait(), program);
  constexpr size_t kMost = 4096;
  POSTERN_TRY(text, read_file(path_of(said), kMost), program);
  return Finished{status, std::move(text)};
}

Failure start_failure(const NameServerPlan& plan, const Finished& finished) {
  std::string words = "the DNS server of " + plan.network + " does not start: " + std::string(trim(finished.said));
  if (!finished.status.signalled && finished.status.code == kBadNetwork) {
    if (const auto holder = holder_of_port(plan.addresses, kDns)) words += "; port 53 belongs to " + *holder;
  }
  return fail(words + " (`bridge up --no-names` does without)");
}

Status signal_server(const std::string& folder, int number) {
  const auto server = running_server(folder);
  if (!server) return {};
  const Status sent = process::signal_process(*server, number);
  return sent || sent.error().is(std::errc::no_such_process) ? Status() : sent;
}

}  // namespace

Status start_name_server(const NameServerPlan& plan) {
  const std::string wanted = configuration(plan);
  if (name_server_runs(plan.folder)) {
    if (read_file(configuration_of(plan.folder)).value_or("") == wanted) return {};
    POSTERN_CHECK(stop_name_server(plan.folder), "replace");
  }
  const auto program = find_dnsmasq();
  if (!program)
    return fail(std::errc::no_such_file_or_directory,
                "dnsmasq, the DNS server of " + plan.network + ": apt-get install dnsmasq-base, or `bridge up --no-names`");
  POSTERN_CHECK(make_hosts_folder(plan.folder), "names");
  POSTERN_CHECK(replace_file(plan.folder, "dnsmasq.conf", wanted), "names");
  POSTERN_TRY(finished, run_dnsmasq(*program, plan.folder), "names");
  if (!finished.status.success()) return start_failure(plan, finished);
  if (!name_server_runs(plan.folder))
    return fail("the DNS server of " + plan.network + " has ended at once; the system's log says why");
  return {};
}

bool name_server_runs(const std::string& folder) { return running_server(folder).has_value(); }

Status stop_name_server(const std::string& folder) {
  if (const auto server = running_server(folder)) POSTERN_CHECK(process::end_process(*server, kPatience), "DNS server");
  const std::string pid_file = pid_file_of(folder);
  if (::unlink(pid_file.c_str()) < 0 && errno != ENOENT) return fail_errno("unlink", pid_file);
  return {};
}

Status add_names(const std::string& folder, const std::string& id, const std::vector<std::string>& names,
                 const std::vector<IpAddress>& addresses) {
  if (!is_file_name(id)) return fail(std::errc::invalid_argument, "the id '" + id + "' cannot be a file's name");
  if (names.empty() || addresses.empty()) return remove_names(folder, id);
  std::string text;
  for (const IpAddress& address : addresses) {
    text += to_string(address);
    for (const std::string& name : names) {
      if (!is_host_name(name)) return fail(std::errc::invalid_argument, "'" + name + "' is no host name (RFC 1123)");
      text += " " + name;
    }
    text += "\n";
  }
  POSTERN_CHECK(make_hosts_folder(folder), "names");
  const bool replaces = ::access((hosts_of(folder) + "/" + id).c_str(), F_OK) == 0;
  POSTERN_CHECK(replace_file(hosts_of(folder), id, text), "names");
  return replaces ? signal_server(folder, SIGHUP) : Status();
}

Status remove_names(const std::string& folder, const std::string& id) {
  if (!is_file_name(id)) return fail(std::errc::invalid_argument, "the id '" + id + "' cannot be a file's name");
  const std::string path = hosts_of(folder) + "/" + id;
  if (::unlink(path.c_str()) < 0) return errno == ENOENT ? Status() : fail_errno("unlink", path);
  return signal_server(folder, SIGHUP);
}

}  // namespace postern::bridge
