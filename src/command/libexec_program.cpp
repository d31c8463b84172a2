#include "postern/command/libexec_program.h"

#include <fmt/format.h>
#include <unistd.h>

#include "postern/base/file.h"
#include "postern/base/log.h"
#include "postern/command/say.h"

namespace postern::command {

Result<std::string> find_libexec_program(std::string_view name) {
  const auto ourselves = read_link("/proc/self/exe");
  if (!ourselves) return fail("/proc/self/exe: where postern is cannot be read (is /proc mounted?)");
  const std::string folder = ourselves->substr(0, ourselves->rfind('/'));
  std::string program = fmt::format("{}/{}/{}", folder, POSTERN_LIBEXEC_FROM_BIN, name);
  if (::access(program.c_str(), X_OK) == 0) return program;
  return fail_errno("a program of postern's is not where it belongs (install postern whole: cmake --install):", program);
}

int become_libexec_program(const std::string& name, const std::vector<std::string>& arguments,
                           const process::Inheritance& inheritance) {
  const auto program = find_libexec_program(name);
  if (!program) {
    log::error("{}", program.error().message());
    return kFailure;
  }
  std::vector<char*> words = {const_cast<char*>(program->c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  inheritance.restore_signals();
  ::execv(program->c_str(), words.data());
  log::error("{}", fail_errno("execute", *program).value().message());
  return kFailure;
}

}  // namespace postern::command
