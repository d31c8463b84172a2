#include "ipam.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "postern/base/file.h"
#include "postern/base/text.h"
#include "postern/base/unique_fd.h"
#include "postern/process/child.h"

namespace postern::cni {

namespace {

constexpr size_t kLongestAnswer = 1 << 20;

tl::unexpected<Refusal> not_run(const std::string& plugin, const Error& error) {
  return refuse(Code::ipam, "IPAM plugin " + plugin + " could not be run", error.message());
}

/// A file in memory: its writer never waits for its reader, and a process that a plugin leaves behind holds up nobody.
Result<UniqueFd> memory_file(std::string_view text) {
  UniqueFd file(::memfd_create("postern-cni", MFD_CLOEXEC));
  if (!file) return fail_errno("memfd_create");
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t written = ::write(file.get(), rest.data(), rest.size());
    if (written < 0 && errno != EINTR) return fail_errno("write", "a file in memory");
    if (written > 0) rest.remove_prefix(static_cast<size_t>(written));
  }
  if (::lseek(file.get(), 0, SEEK_SET) < 0) return fail_errno("lseek", "a file in memory");
  return file;
}

/// "NAME=value" each, with that command.
std::vector<std::string> environment_for(const Environment& environment, Command command) {
  std::vector<std::string> lines;
  lines.reserve(environment.size());
  for (const auto& [key, value] : environment) {
    lines.push_back(key + "=" + (key == "CNI_COMMAND" ? std::string(name(command)) : value));
  }
  return lines;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

struct Answer {
  process::ExitStatus status;
  std::string out;
};

Result<Answer> run(const std::string& plugin, std::vector<std::string> environment, std::string_view input) {
  POSTERN_TRY(in, memory_file(input), "standard input");
  POSTERN_TRY(out, memory_file({}), "standard output");
  std::vector<std::string> argv = {plugin};
  const std::vector<char*> arguments = pointers_to(argv);
  const std::vector<char*> variables = pointers_to(environment);
  const auto execute = [&] {
    if (::dup2(in.get(), STDIN_FILENO) < 0 || ::dup2(out.get(), STDOUT_FILENO) < 0) return 126;
    ::execve(arguments[0], arguments.data(), variables.data());
    return 126;
  };
  POSTERN_TRY(child, process::Child::fork(0, execute), "start");
  POSTERN_TRY(status, child.wait(), "wait");
  POSTERN_TRY(text, read_file(path_of(out), kLongestAnswer), "standard output");
  return Answer{status, std::move(text)};
}

}  // namespace

Outcome<std::string> find_plugin(std::string_view folders, const std::string& type) {
  for (std::string_view rest = folders; !rest.empty();) {
    const std::string path = std::string(take_until(rest, ':')) + "/" + type;
    if (path.front() == '/' && ::access(path.c_str(), X_OK) == 0) return path;
  }
  return refuse(Code::bad_environment, "IPAM plugin " + type + " is in no folder of CNI_PATH",
                "CNI_PATH is " + std::string(folders));
}

Outcome<std::string> call_ipam(const Call& call, Command command) {
  const auto plugin = find_plugin(call.arguments.path, call.configuration.ipam.value_or(""));
  if (!plugin) return tl::unexpected(plugin.error());
  auto answer = run(*plugin, environment_for(call.environment, command), call.input);
  if (!answer) return not_run(*plugin, answer.error());
  if (answer->status.success()) return std::move(answer->out);
  if (auto refusal = read_refusal(answer->out)) return tl::unexpected(*refusal);
  return refuse(Code::ipam, "IPAM plugin " + *plugin + " ended with status " + std::to_string(answer->status.as_shell()));
}

}  // namespace postern::cni
