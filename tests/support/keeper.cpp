// keeper.cpp - the loop of a lab's pid 1: one connection at the door is one process.
#include "keeper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <list>
#include <memory>

#include "door.h"
#include "lab_files.h"
#include "lab_network.h"
#include "topology.h"

namespace postern::lab {

namespace {

struct Connection {
  UniqueFd socket;
  pid_t child = 0;  // 0 before its request and after its end
  Session session = Session::own;
};

struct World {  // what the keeper has made
  Network network;
  UniqueFd user_namespace;  // of Role::user, when an ordinary user made the lab
  Report report;
};

// A user namespace below the lab's, in which its one id is kUserId: an ordinary user, who may make namespaces of his own.
Result<UniqueFd> make_user_namespace() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return fail_errno("pipe");
  UniqueFd until_opened(ends[0]);
  UniqueFd opened(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return fail_errno("fork");
  if (child == 0) {
    opened.reset();
    char none = 0;
    const bool made = ::unshare(CLONE_NEWUSER) == 0 && write_file("/proc/self/setgroups", "deny") &&
                      write_file("/proc/self/uid_map", fmt::format("{} 0 1", kUserId)) &&
                      write_file("/proc/self/gid_map", fmt::format("{} 0 1", kGroupId));
    ::raise(SIGSTOP);  // the keeper's waitpid sees that the maps are there
    ::_exit(made && ::read(until_opened.get(), &none, 1) == 0 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, WUNTRACED);
  UniqueFd user_namespace(::open(fmt::format("/proc/{}/ns/user", child).c_str(), O_RDONLY | O_CLOEXEC));
  ::kill(child, SIGCONT);
  opened.reset();
  ::waitpid(child, &status, 0);
  if (!user_namespace || status != 0) return fail("the lab's user needs a user namespace below the lab's");
  return user_namespace;
}

// What follows runs in the child of a fork, towards its exec.

Status take_stdio(const std::vector<UniqueFd>& stdio) {
  for (int fd = 0; fd < static_cast<int>(stdio.size()); ++fd) {
    if (::dup2(stdio[static_cast<size_t>(fd)].get(), fd) < 0) return fail_errno("dup2");
  }
  return {};
}

Status become_user(const World& world) {
  if (world.user_namespace) {
    if (::setns(world.user_namespace.get(), CLONE_NEWUSER) < 0) return fail_errno("setns", "the user's namespace");
    return {};
  }
  const gid_t group = kGroupId;
  if (::setgroups(1, &group) < 0 || ::setresgid(group, group, group) < 0) return fail_errno("setresgid");
  // The capabilities go with the last uid that was 0, capabilities(7); no_new_privs stays off, for newuidmap.
  if (::setresuid(kUserId, kUserId, kUserId) < 0) return fail_errno("setresuid");
  return {};
}

Status enter_folder(const RunRequest& request) {
  const std::string_view home = request.role == Role::user ? kUserHome : kRootHome;
  const bool allowed = ::access(request.directory.c_str(), X_OK) == 0 && ::chdir(request.directory.c_str()) == 0;
  if (!allowed && ::chdir(std::string(home).c_str()) < 0) return fail_errno("chdir", home);
  return {};
}

Status execute(const RunRequest& request) {
  std::vector<char*> argv, environment;
  for (const std::string& item : request.argv) argv.push_back(const_cast<char*>(item.c_str()));
  for (const std::string& item : request.environment) environment.push_back(const_cast<char*>(item.c_str()));
  argv.push_back(nullptr);
  environment.push_back(nullptr);
  environ = environment.data();  // before execvp, which looks up its own PATH
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvp(argv[0], argv.data());
  return fail_errno("exec", request.argv.front());
}

/// The network namespace that a request is for, unless it is the keeper's own, the host's.
Result<UniqueFd> open_netns(const Network& network, Place place, const std::string& netns) {
  if (netns.empty() && place == Place::host) return UniqueFd();
  UniqueFd opened(netns.empty() ? ::fcntl(network.remote.get(), F_DUPFD_CLOEXEC, 0)
                                : ::open(netns.c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened) return fail_errno("open", netns);
  return opened;
}

Status turn_into(const World& world, const RunRequest& request, const std::vector<UniqueFd>& stdio) {
  POSTERN_CHECK(take_stdio(stdio), "start");
  if (request.session == Session::own) ::setsid();
  POSTERN_TRY(netns, open_netns(world.network, request.place, request.netns), "start");
  if (netns && ::setns(netns.get(), CLONE_NEWNET) < 0) return fail_errno("setns", request.netns);
  if (request.role == Role::user) POSTERN_CHECK(become_user(world), "start");
  POSTERN_CHECK(enter_folder(request), "start");
  return execute(request);
}

class Keeper {
 public:
  Keeper(World world, UniqueFd lifeline, UniqueFd listener, UniqueFd child_signals)
      : world_(std::move(world)),
        lifeline_(std::move(lifeline)),
        listener_(std::move(listener)),
        child_signals_(std::move(child_signals)) {}

  void serve() {
    for (;;) {
      std::vector<pollfd> waits = {{lifeline_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}, {child_signals_.get(), POLLIN, 0}};
      for (const Connection& connection : connections_) waits.push_back({connection.socket.get(), POLLIN, 0});
      if (::poll(waits.data(), waits.size(), -1) < 0) continue;
      if (waits[0].revents) return;
      size_t index = 3;
      for (Connection& connection : connections_) {
        if (waits[index++].revents) hear(connection);
      }
      if (waits[2].revents) reap();
      if (waits[1].revents) {
        UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (socket) connections_.push_back({std::move(socket)});
      }
      connections_.remove_if([](const Connection& connection) { return !connection.socket; });
    }
  }

 private:
  void hear(Connection& connection) {
    auto message = receive_message(connection.socket.get());
    if (!message || message->bytes.empty()) return hang_up(connection);
    if (connection.child) {
      int number = 0;
      if (message->bytes.size() == sizeof number) std::memcpy(&number, message->bytes.data(), sizeof number);
      ::kill(connection.child, number);
    } else if (const auto run = unpack_run(message->bytes)) {
      start(connection, *run, message->fds);
    } else if (const auto socket = unpack_socket(message->bytes)) {
      open(connection, *socket);
    } else {
      hang_up(connection);
    }
  }

  void hang_up(Connection& connection) {
    if (connection.child) ::kill(connection.session == Session::own ? -connection.child : connection.child, SIGKILL);
    connection.socket.reset();
  }

  void answer(Connection& connection, Event event, std::span<const int> fds = {}) {
    if (!send_event(connection.socket.get(), event, fds)) hang_up(connection);
  }

  void start(Connection& connection, const RunRequest& request, const std::vector<UniqueFd>& stdio) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return answer(connection, {Event::Kind::refused, errno});
    UniqueFd failure(ends[0]);
    UniqueFd failed(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) return answer(connection, {Event::Kind::refused, errno});
    if (child == 0) {
      const int error = turn_into(world_, request, stdio).error().code.value();
      (void)!::write(failed.get(), &error, sizeof error);
      ::_exit(127);
    }
    failed.reset();
    int error = 0;  // the pipe closes at a successful exec
    if (::read(failure.get(), &error, sizeof error) == sizeof error) {
      return answer(connection, {Event::Kind::refused, error});
    }
    connection.child = child;
    connection.session = request.session;
    answer(connection, {Event::Kind::started, child});
  }

  void open(Connection& connection, const SocketRequest& request) {
    const auto netns = open_netns(world_.network, request.place, request.netns);
    if (!netns) return answer(connection, {Event::Kind::refused, netns.error().code.value()});
    const bool entered = !*netns || ::setns(netns->get(), CLONE_NEWNET) == 0;
    const UniqueFd socket(entered ? ::socket(request.domain, request.type | SOCK_CLOEXEC, request.protocol) : -1);
    const int error = errno;
    ::setns(world_.network.host.get(), CLONE_NEWNET);
    if (!socket) return answer(connection, {Event::Kind::refused, error});
    const int fd = socket.get();
    answer(connection, {Event::Kind::opened, 0}, {&fd, 1});
  }

  void reap() {
    signalfd_siginfo info{};
    (void)!::read(child_signals_.get(), &info, sizeof info);
    int status = 0;
    while (const pid_t child = ::waitpid(-1, &status, WNOHANG)) {
      if (child < 0) break;
      const auto found =
          std::find_if(connections_.begin(), connections_.end(), [child](const Connection& c) { return c.child == child; });
      if (found == connections_.end()) continue;  // an orphan of the lab
      found->child = 0;
      if (found->socket) answer(*found, {Event::Kind::ended, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)});
    }
  }

  World world_;
  UniqueFd lifeline_, listener_, child_signals_;
  std::list<Connection> connections_;
};

Result<UniqueFd> listen_at_door() {
  UniqueFd listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  kDoor.copy(address.sun_path, sizeof address.sun_path - 1);
  if (!listener || ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      ::chmod(address.sun_path, 0666) < 0 || ::listen(listener.get(), 64) < 0) {
    return fail_errno("listen", kDoor);
  }
  return listener;
}

Result<World> make_world(const Plan& plan) {
  World world;
  const mode_t callers = ::umask(022);
  POSTERN_CHECK(make_files(plan, world.report.missing), "lab");
  POSTERN_TRY(network, make_network(plan, world.report.missing), "lab");
  world.network = std::move(network);
  if (plan.privilege == Privilege::ordinary) {
    POSTERN_TRY(user_namespace, make_user_namespace(), "lab");
    world.user_namespace = std::move(user_namespace);
  }
  (void)!::sethostname("lab-host", 8);
  ::umask(callers);
  return world;
}

Result<UniqueFd> watch_children() {
  sigset_t children;
  ::sigemptyset(&children);
  ::sigaddset(&children, SIGCHLD);
  ::sigprocmask(SIG_SETMASK, &children, nullptr);
  UniqueFd signals(::signalfd(-1, &children, SFD_CLOEXEC));
  if (!signals) return fail_errno("signalfd");
  return signals;
}

// Only an ordinary caller's keeper needs it: root over the lab's user namespace is the caller's own id.
Status map_ids(uid_t uid, gid_t gid) {
  POSTERN_CHECK(write_file("/proc/self/setgroups", "deny"), "lab");
  POSTERN_CHECK(write_file("/proc/self/uid_map", fmt::format("0 {} 1", uid)), "lab");
  return write_file("/proc/self/gid_map", fmt::format("0 {} 1", gid));
}

Result<Keeper> set_up(const Plan& plan, UniqueFd& lifeline) {
  if (plan.privilege == Privilege::ordinary) POSTERN_CHECK(map_ids(plan.uid, plan.gid), "user namespace");
  POSTERN_TRY(world, make_world(plan), "make");
  POSTERN_TRY(listener, listen_at_door(), "make");
  POSTERN_TRY(signals, watch_children(), "make");
  POSTERN_CHECK(send_message(lifeline.get(), pack(world.report)), "make");
  return Keeper(std::move(world), std::move(lifeline), std::move(listener), std::move(signals));
}

// A forked copy of the caller holds all its descriptors, other labs' lifelines among them.
UniqueFd keep_only(UniqueFd lifeline) {
  constexpr int kFirst = 3;
  if (lifeline.get() != kFirst) lifeline = UniqueFd(::dup3(lifeline.get(), kFirst, O_CLOEXEC));
  ::close_range(kFirst + 1, ~0U, 0);
  return lifeline;
}

}  // namespace

std::string pack(const Report& report) {
  std::string packed = report.error + '\0';
  for (const std::string& item : report.missing) packed.append(item) += '\0';
  return packed;
}

Report unpack_report(std::string_view bytes) {
  Report report;
  size_t end = bytes.find('\0');
  report.error = bytes.substr(0, end);
  while (end != std::string_view::npos && end + 1 < bytes.size()) {
    const size_t start = end + 1;
    end = bytes.find('\0', start);
    report.missing.emplace_back(bytes.substr(start, end - start));
  }
  return report;
}

void keep(const Plan& plan, UniqueFd lifeline) {
  ::prctl(PR_SET_NAME, "lab-keeper");
  ::signal(SIGCHLD, SIG_DFL);
  lifeline = keep_only(std::move(lifeline));
  auto keeper = set_up(plan, lifeline);
  if (!keeper) {
    (void)send_message(lifeline.get(), pack(Report{keeper.error().message(), {}}));
    ::_exit(1);
  }
  const UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int fd = 0; fd < 3; ++fd) ::dup2(nothing.get(), fd);  // nobody waits for the end of our caller's pipes because of us
  keeper->serve();
  ::_exit(0);
}

}  // namespace postern::lab
