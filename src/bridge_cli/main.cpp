// main.cpp - postern-bridge: the program behind `postern bridge`, and the server of loopback clients (`postern-bridge proxy`).
#include <signal.h>

#include "postern/base/log.h"
#include "postern/forward/loopback_proxy.h"
#include "postern/process/inheritance.h"

#include "commands.h"
#include "options.h"

namespace {

using namespace postern;

/// While it lives, the signals that end a program wait: an operation is a few milliseconds, and is done or not done. They are
/// delivered when it goes, and end us as if they came then.
class Uninterrupted {
 public:
  Uninterrupted() {
    sigset_t held;
    sigemptyset(&held);
    for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) sigaddset(&held, number);
    ::sigprocmask(SIG_BLOCK, &held, &before_);
  }
  Uninterrupted(const Uninterrupted&) = delete;
  Uninterrupted& operator=(const Uninterrupted&) = delete;
  ~Uninterrupted() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

struct Runner {
  int operator()(const bridge_cli::Leave& leave) const { return leave.status; }
  int operator()(const bridge_cli::ProxyOptions& options) const {
    constexpr int kReady = 3;  // where the engine, which starts us, waits for our ports
    return forward::run_loopback_proxy(options.ports_file, kReady);
  }
  template <class CommandOptions>
  int operator()(const CommandOptions& options) const {
    const Uninterrupted whole;
    return bridge_cli::run(options);
  }
};

}  // namespace

// What is thrown here is a bug, or no memory: to terminate is right.
int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape)
  process::occupy_closed_streams();
  process::ignore_broken_pipes();
  return std::visit(Runner{}, bridge_cli::parse_options(argc, argv));
}
