// terminal.h - a person at a terminal, for tests of programs that are typed at.
#pragma once

#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "postern_test.h"

namespace postern::lab {

/// A person at a terminal: a pseudo-terminal, and a program of the lab that is the leader of its session.
class Terminal {
 public:
  /// `kind`: TERM.
  Terminal(const Machine& machine, Command command, const std::string& kind = "dumb") {
    int master = -1, slave = -1;
    if (::openpty(&master, &slave, nullptr, nullptr, nullptr) < 0) return;
    master_ = UniqueFd(master);
    const UniqueFd inside(slave);
    command.argv.insert(command.argv.begin(), {"setsid", "--ctty"});
    command.environment = {"TERM=" + kind, "PS1=", "HISTFILE="};
    const int stdio[] = {slave, slave, slave};
    auto started = machine.spawn_on(command, stdio);
    if (started) program_.emplace(std::move(*started));
  }

  void type(std::string_view keys) {
    EXPECT_EQ(::write(master_.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  /// Waits for `text`, after what was waited for before. A line that is typed shows too: quote a part of what must not match.
  bool shows(std::string_view text) {
    return program_ && wait_until([&] {
             read_on();
             const size_t found = shown_.find(text, mark_);
             if (found != std::string::npos) mark_ = found + text.size();
             return found != std::string::npos;
           });
  }
  const std::string& shown() const { return shown_; }
  Process& program() { return *program_; }
  void resize(uint16_t columns, uint16_t lines) {
    const winsize size{.ws_row = lines, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    EXPECT_EQ(::ioctl(master_.get(), TIOCSWINSZ, &size), 0);
  }
  /// Whether what is typed is shown and read line by line, as at the start.
  bool is_as_it_was() const {
    termios now{};
    return ::tcgetattr(master_.get(), &now) == 0 && (now.c_lflag & ICANON) != 0 && (now.c_lflag & ECHO) != 0;
  }
  void hang_up() { master_.reset(); }

 private:
  void read_on() {
    pollfd readable{master_.get(), POLLIN, 0};
    std::array<char, 4096> bytes;
    while (::poll(&readable, 1, 0) > 0) {
      const ssize_t size = ::read(master_.get(), bytes.data(), bytes.size());
      if (size <= 0) return;  // EIO: nobody is left at the other end
      shown_.append(bytes.data(), static_cast<size_t>(size));
    }
  }

  UniqueFd master_;
  std::optional<Process> program_;
  std::string shown_;
  size_t mark_ = 0;
};

}  // namespace postern::lab
