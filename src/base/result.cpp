// result.cpp - how an Error is built and how it reads.
#include "postern/base/result.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace postern {

std::string Error::message() const {
  if (!code) return context;
  const char* name = ::strerrorname_np(code.value());
  return name ? fmt::format("{}: {} ({})", context, code.message(), name) : fmt::format("{}: {}", context, code.message());
}

Failure fail(std::string context) { return Failure(Error{{}, std::move(context)}); }

Failure fail(std::errc condition, std::string context) {
  return Failure(Error{std::make_error_code(condition), std::move(context)});
}

Failure fail_errno(std::string_view doing, std::string_view object) {
  const int saved = errno;
  return Failure(Error{{saved, std::system_category()}, fmt::format("{}{}{}", doing, object.empty() ? "" : " ", object)});
}

Failure within(std::string_view doing, Error error) {
  error.context.insert(0, fmt::format("{}: ", doing));
  return Failure(std::move(error));
}

}  // namespace postern
