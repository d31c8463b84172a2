// reply_json.h - the JSON of an answer of the control socket. Only for sources that read answers: JSON throws, and is large.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

#include "postern/base/result.h"

namespace postern::cli {

using Json = nlohmann::ordered_json;

/// The errno of that name; none for a name this host does not know.
std::error_code code_of(const std::string& name);

inline constexpr const char* kNoAnswer = "the answer is not one of postern's";

/// What a reply returns, by `take`. The errors of another program's JSON end here.
template <class Read>
auto read(std::string_view reply, Read take) -> Result<decltype(take(std::declval<const Json&>()))> {
  try {
    const Json json = Json::parse(reply);
    if (json.contains("return")) return take(json.at("return"));
    if (json.contains("entries")) return take(json);  // slirp4netns's own list
    const Json& error = json.at("error");
    const std::error_code code = code_of(error.value("errno", ""));
    if (code) return Failure(Error{code, error.at("desc")});
    return fail(error.at("desc").get<std::string>());
  } catch (const std::exception&) {
    return fail(kNoAnswer);
  }
}

}  // namespace postern::cli
