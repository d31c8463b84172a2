// result.h - failures are values. Postern's own code never throws: half of it runs under C callbacks that an exception must
// not cross, and EAGAIN or ECONNREFUSED are daily weather. An Error says what was being done, outermost first.
#pragma once

#include <tl/expected.hpp>

#include <string>
#include <string_view>
#include <system_error>

namespace postern {

struct Error {
  std::error_code code;  // the errno of the failed call, or a std::errc of ours; empty when the context says it all
  std::string context;   // grows outwards: "attach: open tap: TUNSETIFF tap0"

  /// One line for a person: "attach: open tap: TUNSETIFF tap0: Operation not permitted (EPERM)".
  std::string message() const;
  bool is(std::errc condition) const { return code == condition; }
  bool operator==(const Error&) const = default;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;
using Failure = tl::unexpected<Error>;

/// A failure of our own finding: what was asked for cannot be had, in words that need no errno.
Failure fail(std::string context);
Failure fail(std::errc condition, std::string context);
/// The failure of the system call that has just returned -1: reads errno before anything else can touch it.
Failure fail_errno(std::string_view doing, std::string_view object = {});
/// The same failure, seen from one call further out.
Failure within(std::string_view doing, Error error);

}  // namespace postern

/// POSTERN_TRY(tap, open_tap("tap0"), "attach"): `tap` is the value, or the function returns the failure, with what it was doing.
#define POSTERN_TRY(name, expression, doing)                                     \
  auto name##_or = (expression);                                                 \
  if (!name##_or) return ::postern::within(doing, std::move(name##_or).error()); \
  auto name = *std::move(name##_or)  // NOLINT(bugprone-macro-parentheses): the name of a variable

/// The same for a Status, which has no value.
#define POSTERN_CHECK(expression, doing) \
  if (auto status_or = (expression); !status_or) return ::postern::within(doing, std::move(status_or).error())
