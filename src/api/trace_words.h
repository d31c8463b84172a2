// trace_words.h - what is said before events flow, at both ends of the control socket.
#pragma once

#include <optional>
#include <string>

#include "request.h"

namespace postern::api {

/// Answers the request for a trace; where that is granted, `events` is filled.
Json answer_trace(const Json& arguments, Instance& instance, std::unique_ptr<Subscription>& events);

/// The request, for an instance of ours.
std::string trace_request(std::string_view filter, journey::Following::Extent follow);
/// What the first line of the answer objects. Nothing: it is granted.
std::optional<std::string> trace_refusal(std::string_view first_line);

}  // namespace postern::api
