// main.cpp - postern-cni: the environment and standard input in, CNI's answer and an exit status out.
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>

#include "postern/base/file.h"
#include "postern/process/inheritance.h"

#include "answer.h"
#include "call.h"
#include "plugin.h"

namespace {

using namespace postern;

constexpr size_t kLongestInput = 16 << 20;  // every port of a host published, one by one, is half of it

/// To its end, or what went wrong; from the descriptor itself, for a runtime may have made it a socket.
cni::Outcome<std::string> read_input() {
  std::string text;
  std::array<char, 65536> chunk;
  while (text.size() <= kLongestInput) {
    const ssize_t size = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (size == 0) return text;
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      return cni::refuse(cni::Code::input_output, "standard input could not be read", fail_errno("read").value().message());
    }
    text.append(chunk.data(), static_cast<size_t>(size));
  }
  return cni::refuse(cni::Code::undecodable, "the network configuration is longer than 16 MiB");
}

/// The program that serves loopback clients stands beside us, also where CNI's folder has but a link to us; a copy of us finds
/// the installed one.
std::string proxy_program() {
  const std::string self = read_link("/proc/self/exe").value_or("");
  const std::string beside = self.substr(0, self.rfind('/') + 1) + "postern-bridge";
  return ::access(beside.c_str(), X_OK) == 0 ? beside : POSTERN_LIBEXEC "/postern-bridge";
}

cni::Outcome<std::string> answer(const char* const* environment, const cni::Outcome<std::string>& input) {
  cni::Call call{
      .environment = cni::read_environment(environment), .input = input.value_or(""), .arguments = {}, .configuration = {}};
  auto arguments = cni::read_arguments(call.environment);
  if (!arguments) return tl::unexpected(arguments.error());
  call.arguments = std::move(*arguments);
  if (call.arguments.command == cni::Command::version) return cni::answer_versions(cni::version_of(call.input));
  if (!input) return tl::unexpected(input.error());
  auto configuration = cni::read_configuration(call.input);
  if (!configuration) return tl::unexpected(configuration.error());
  call.configuration = std::move(*configuration);
  if (!cni::knows(call.configuration.version, call.arguments.command)) {
    return cni::refuse(cni::Code::incompatible_version, "CNI " + std::string(name(call.configuration.version)) + " has no " +
                                                            std::string(name(call.arguments.command)));
  }
  return cni::serve(call, {.proxy_program = proxy_program()});
}

int write_out(const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace

// What is thrown here is a bug, or no memory: to terminate is right.
int main() {  // NOLINT(bugprone-exception-escape)
  process::occupy_closed_streams();
  const auto input = read_input();
  const auto said = answer(environ, input);
  if (said) return write_out(*said);
  (void)write_out(cni::answer_refused(said.error(), cni::version_of(input.value_or(""))));
  return 1;
}
