// log.cpp - spdlog, fenced into this one file: a single-threaded logger on standard error, without a registry or a clock.
#include "postern/base/log.h"

#define SPDLOG_NO_EXCEPTIONS
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>

#include "postern/base/harmless.h"

namespace postern::log {

namespace {

std::shared_ptr<spdlog::logger> make_logger() {
  auto logger = std::make_shared<spdlog::logger>("postern", std::make_shared<spdlog::sinks::stderr_sink_st>());
  logger->set_pattern("%n: %v");
  return logger;
}

std::shared_ptr<spdlog::logger>& logger() {
  static std::shared_ptr<spdlog::logger> instance = make_logger();
  return instance;
}

struct Manner {
  spdlog::level::level_enum level;
  std::string_view prefix;
};

Manner manner_of(Level level) {
  switch (level) {
    case Level::debug: return {spdlog::level::debug, "debug: "};
    case Level::info: return {spdlog::level::info, ""};
    case Level::warning: return {spdlog::level::warn, "warning: "};
    case Level::error: return {spdlog::level::err, ""};
  }
  return {spdlog::level::err, ""};
}

}  // namespace

void set_level(Level level) { logger()->set_level(manner_of(level).level); }
bool enabled(Level level) { return logger()->should_log(manner_of(level).level); }
void set_program(std::string_view name) { logger() = logger()->clone(std::string(name)); }

void write(Level level, std::string_view line) {
  const auto [spdlog_level, prefix] = manner_of(level);
  logger()->log(spdlog_level, "{}{}", prefix, harmless_lines(line));
}

}  // namespace postern::log
