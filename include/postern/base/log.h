// log.h - what Postern tells the person who started it: one line each on standard error, "postern: warning: ...".
// Nothing on the packet path logs; packets are counted.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace postern::log {

enum class Level { debug, info, warning, error };

/// Lines below `level` are not written. The default is `info`.
void set_level(Level level);
bool enabled(Level level);
/// The name that opens every line; "postern" unless set (the slirp4netns face has its own).
void set_program(std::string_view name);
/// Whatever names of strangers the line has in it, it reaches the terminal harmless (harmless.h); it may be several lines.
void write(Level level, std::string_view line);

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::debug)) write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::info)) write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::warning)) write(Level::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace postern::log
