#include "postern/process/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

namespace postern::process {

Result<SignalSource> SignalSource::open(std::initializer_list<int> numbers) {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int number : numbers) sigaddset(&wanted, number);
  if (::sigprocmask(SIG_BLOCK, &wanted, nullptr) < 0) return fail_errno("sigprocmask");
  UniqueFd fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return fail_errno("signalfd");
  return SignalSource(std::move(fd));
}

void SignalSource::drain(const std::function<void(const Signal&)>& handle) const {
  signalfd_siginfo info{};
  while (::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    handle({static_cast<int>(info.ssi_signo), info.ssi_code == SI_KERNEL && info.ssi_signo != SIGHUP});
  }
}

void restore_default_signals() {
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  for (int number = 1; number <= SIGRTMAX; ++number) ::sigaction(number, &usual, nullptr);  // not SIGKILL's; no matter
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace postern::process
