// request.h - from bytes to JSON, as they come in, and from JSON to arguments that can be trusted.
#pragma once

#include <nlohmann/json.hpp>

#include <variant>

#include "postern/api/commands.h"

namespace postern::api {

using Json = nlohmann::ordered_json;

enum class Unread { incomplete, wrong };
/// The first JSON value of `received`. Incomplete: the bytes are the beginning of one.
std::variant<Json, Unread> read_json(std::string_view received);

/// An integer from `least` to `greatest`; 80.0 is one, for some languages have no other numbers. Nothing: missing or not that.
std::optional<uint64_t> read_integer(const Json& object, const char* key, uint64_t least, uint64_t greatest);

/// What an argument of add_hostfwd is not: the one that slirp4netns would name, in its order.
struct BadArgument {
  const char* name;
  const char* why = nullptr;  // in words, where it is not plain
};
std::variant<forward::PortRequest, BadArgument> read_port_request(const Json& arguments);

}  // namespace postern::api
