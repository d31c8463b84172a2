#include "top_screen.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>

namespace postern::cli {

namespace {

constexpr std::string_view kTake = "\x1b[?1049h\x1b[?25l";  // the other screen, no cursor
constexpr std::string_view kGiveBack = "\x1b[?25h\x1b[?1049l";
constexpr std::array kEnding = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr std::array kCrashing = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
constexpr std::array kOurs = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP};

// A handler finds what it needs only here.
termios as_it_was, as_we_want;
bool has_keys = false;  // standard input is a terminal
volatile sig_atomic_t is_taken = 0;
volatile sig_atomic_t must_redraw = 0;

// What follows is called in signal handlers: signal-safety(7).

void write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

void take() {
  if (has_keys) ::tcsetattr(STDIN_FILENO, TCSANOW, &as_we_want);
  is_taken = 1;
  write_all(kTake);
}

void give_back() {
  if (!is_taken) return;
  is_taken = 0;
  write_all(kGiveBack);
  if (has_keys) ::tcsetattr(STDIN_FILENO, TCSANOW, &as_it_was);
}

void on_ending(int) {
  give_back();
  ::_exit(0);
}

/// The default is in force again: what comes next is the end, with a core where there is to be one.
void on_crash(int number) {
  give_back();
  ::raise(number);
}

void on_stop(int) {
  const int saved = errno;
  give_back();
  ::raise(SIGSTOP);
  take();
  must_redraw = 1;
  errno = saved;
}

void on_resize(int) { must_redraw = 1; }

void handle(int number, void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  ::sigfillset(&action.sa_mask);
  ::sigaction(number, &action, nullptr);
}

template <size_t N>
sigset_t set_of(const std::array<int, N>& numbers) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : numbers) ::sigaddset(&set, number);
  return set;
}

void change_mask(int how, const sigset_t& set) { ::sigprocmask(how, &set, nullptr); }

/// False: it will have no more keys for us.
bool read_key(bool& quits) {
  char key = 0;
  const ssize_t size = ::read(STDIN_FILENO, &key, 1);
  quits = size == 1 && (key == 'q' || key == 'Q');
  return size == 1 || (size < 0 && (errno == EAGAIN || errno == EINTR));
}

timespec until(TimePoint deadline) {
  const auto left = std::max<Duration>(deadline - Clock::now(), Duration::zero());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  return {.tv_sec = seconds.count(), .tv_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(left - seconds).count()};
}

}  // namespace

bool TopScreen::is_there() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) != 0 && kind && *kind != '\0' && std::string_view(kind) != "dumb";
}

TopScreen::TopScreen() {
  has_keys = ::isatty(STDIN_FILENO) != 0 && ::tcgetattr(STDIN_FILENO, &as_it_was) == 0;
  as_we_want = as_it_was;
  as_we_want.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  change_mask(SIG_BLOCK, set_of(kOurs));
  for (const int number : kEnding) handle(number, on_ending, 0);
  for (const int number : kCrashing) handle(number, on_crash, static_cast<int>(SA_RESETHAND | SA_NODEFER));
  handle(SIGTSTP, on_stop, 0);
  handle(SIGWINCH, on_resize, 0);
  take();
}

TopScreen::~TopScreen() {
  give_back();
  for (const int number : kEnding) handle(number, SIG_DFL, 0);
  for (const int number : {SIGTSTP, SIGWINCH}) handle(number, SIG_DFL, 0);
  change_mask(SIG_UNBLOCK, set_of(kOurs));
}

Room TopScreen::room() const {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {80, 24};
  return {size.ws_col, size.ws_row};
}

/// Each line is cleared before it is written: behind one that fills the width there is no place to clear from.
void TopScreen::draw(const std::vector<std::string>& lines) const {
  std::string all = "\x1b[H";
  const char* separator = "";
  for (const std::string& line : lines) {
    all += fmt::format("{}\x1b[2K{}", separator, line);
    separator = "\r\n";
  }
  all += "\x1b[J";
  write_all(all);
}

TopScreen::Wake TopScreen::wait(TimePoint deadline) const {
  sigset_t nothing;
  ::sigemptyset(&nothing);
  pollfd keys{.fd = has_keys ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0};
  for (;;) {
    const timespec left = until(deadline);
    const int ready = ::ppoll(&keys, 1, &left, &nothing);
    if (must_redraw) {
      must_redraw = 0;
      return Wake::redraw;
    }
    if (ready == 0) return Wake::in_time;
    if (ready < 0) continue;
    bool quits = false;
    if (!read_key(quits) || quits) return Wake::quit;
  }
}

TopScreen::Interruption::Interruption() { change_mask(SIG_UNBLOCK, set_of(kEnding)); }
TopScreen::Interruption::~Interruption() { change_mask(SIG_BLOCK, set_of(kEnding)); }

}  // namespace postern::cli
