// machine.cpp - asks the keeper, at its door, for processes and sockets.
#include "machine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "topology.h"

namespace postern::lab {

namespace {

Result<UniqueFd> connect_to_door(const std::string& root) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = root + std::string(kDoor);
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    return fail_errno("connect", path);
  }
  return socket;
}

// Output goes to a file in memory: nobody has to read it for the writer to go on.
UniqueFd output_file(const char* name) {
  UniqueFd file(::memfd_create(name, MFD_CLOEXEC));
  if (file) ::fcntl(file.get(), F_SETFL, O_APPEND);
  return file;
}

UniqueFd input_file(const std::string& text) {
  if (text.empty()) return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  UniqueFd file(::memfd_create("stdin", MFD_CLOEXEC));
  if (file && (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
               ::lseek(file.get(), 0, SEEK_SET) != 0)) {
    file.reset();
  }
  return file;
}

std::string current_directory() {
  std::error_code error;
  return std::filesystem::current_path(error).string();
}

}  // namespace

std::vector<std::string> environment_for(Role role, std::span<const std::string> extra) {
  std::map<std::string, std::string> variables;
  const auto set = [&variables](std::string_view assignment) {
    const size_t equals = assignment.find('=');
    if (equals != std::string_view::npos) variables[std::string(assignment.substr(0, equals))] = assignment.substr(equals + 1);
  };
  for (char** item = environ; *item; ++item) set(*item);
  const char* path = std::getenv("PATH");
  const bool user = role == Role::user;
  const std::string_view name = user ? kUserName : "root";
  // The last folder has nginx where contrib/install-deps.sh unpacked it, so as not to install a service.
  variables["PATH"] = fmt::format("{}:{}/bin:{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:{}:{}", kEngine,
                                  kTree, kPrograms, path ? path : "", "/usr/local/lib/postern-test");
  variables["HOME"] = user ? kUserHome : kRootHome;
  variables["USER"] = variables["LOGNAME"] = name;
  variables["TMPDIR"] = kTemporary;
  variables["XDG_RUNTIME_DIR"] = user ? "/run/user/4000" : "/run/lab/root";
  variables["LAB_HOST4"] = kHost4, variables["LAB_HOST6"] = kHost6;
  variables["LAB_REMOTE4"] = kRemote4, variables["LAB_REMOTE6"] = kRemote6;
  variables["LAB_FAR4"] = kFar4, variables["LAB_FAR6"] = kFar6;
  variables["LAB_SILENT4"] = kSilent4, variables["LAB_SILENT6"] = kSilent6;
  variables["LAB_UNREACHABLE4"] = kUnreachable4, variables["LAB_UNREACHABLE6"] = kUnreachable6;
  variables["LAB_HTTP_PORT"] = std::to_string(kHttpPort), variables["LAB_DNS_PORT"] = std::to_string(kDnsPort);
  variables["LAB_ECHO_PORT"] = std::to_string(kEchoPort), variables["LAB_IPERF_PORT"] = std::to_string(kIperfPort);
  variables["LAB_IPERF_SERVERS"] = std::to_string(kIperfServers);
  variables["LAB_DNS_NAME"] = kName, variables["LAB_DNS_FAR_NAME"] = kFarName;
  variables["LAB_DNS_NAME4"] = kName4, variables["LAB_DNS_NAME6"] = kName6;
  variables["LAB_DNS_LARGE_NAME"] = kLargeName;
  variables["LAB_WWW"] = kWww;
  for (const std::string& assignment : extra) set(assignment);
  std::vector<std::string> result;
  result.reserve(variables.size());
  for (const auto& [key, value] : variables) result.push_back(fmt::format("{}={}", key, value));
  return result;
}

Result<Process> Machine::start(const RunRequest& request, std::span<const int, 3> stdio) const {
  POSTERN_TRY(connection, connect_to_door(root_), request.argv.front());
  POSTERN_CHECK(send_message(connection.get(), pack(request), stdio), request.argv.front());
  POSTERN_TRY(event, receive_event(connection.get()), request.argv.front());
  if (event.kind != Event::Kind::started) {
    errno = event.value;
    return fail_errno("start", request.argv.front());
  }
  return Process(std::move(connection), event.value, UniqueFd(), UniqueFd());
}

Result<Process> Machine::spawn(const Command& command) const {
  const UniqueFd input = input_file(command.input);
  UniqueFd out = output_file("stdout");
  UniqueFd err = output_file("stderr");
  if (!input || !out || !err) return fail_errno("memfd_create");
  const int stdio[] = {input.get(), out.get(), err.get()};
  POSTERN_TRY(process,
              start({.place = place_,
                     .netns = netns_,
                     .role = command.role,
                     .directory = std::string(kTemporary),
                     .argv = command.argv,
                     .environment = environment_for(command.role, command.environment)},
                    stdio),
              "lab");
  return Process(std::move(process), std::move(out), std::move(err));
}

Result<Process> Machine::spawn_on(const Command& command, std::span<const int, 3> stdio) const {
  return start({.place = place_,
                .netns = netns_,
                .role = command.role,
                .session = Session::callers,
                .directory = current_directory(),
                .argv = command.argv,
                .environment = environment_for(command.role, command.environment)},
               stdio);
}

Outcome Machine::run(const Command& command) const {
  auto process = spawn(command);
  if (!process) return {Outcome::kNotStarted, "", process.error().message()};
  const auto status = process->wait(command.limit);
  if (!status) {
    process->kill();
    return {Outcome::kTimedOut, process->out(), process->err() + fmt::format("\n[killed after {}]", command.limit.count())};
  }
  return {*status, process->out(), process->err()};
}

Outcome Machine::sh(std::string script, Role role) const {
  return run(Command{.argv = {"sh", "-c", std::move(script)}, .role = role});
}

Result<UniqueFd> Machine::open_socket(int domain, int type, int protocol) const {
  POSTERN_TRY(connection, connect_to_door(root_), "socket");
  const SocketRequest request{.place = place_, .netns = netns_, .domain = domain, .type = type, .protocol = protocol};
  POSTERN_CHECK(send_message(connection.get(), pack(request)), "socket");
  std::vector<UniqueFd> fds;
  POSTERN_TRY(event, receive_event(connection.get(), &fds), "socket");
  if (event.kind != Event::Kind::opened || fds.size() != 1) {
    errno = event.value;
    return fail_errno("socket");
  }
  return std::move(fds.front());
}

}  // namespace postern::lab
