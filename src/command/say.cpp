#include "postern/command/say.h"

#include "postern/base/log.h"
#include "postern/base/result.h"

namespace postern::command {

void say(std::FILE* stream, std::string_view text) { std::fwrite(text.data(), 1, text.size(), stream); }

int answer(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return 0;
  log::error("{}", fail_errno("write the answer").value().message());
  return kFailure;
}

}  // namespace postern::command
