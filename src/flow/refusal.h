// refusal.h - what the namespace hears when the host cannot connect: what makes the program inside see the errno that it would
// see on the host.
#pragma once

#include <optional>
#include <variant>

#include "postern/flow/tcp_engine.h"

namespace postern::flow {

struct Reset {};    // ECONNREFUSED
struct Silence {};  // it asks again, and gives up in its own time: ETIMEDOUT
using Answer = std::variant<Reset, Silence, Refusal>;

/// To errno `error` of connect(2), for an IPv4 connection or an IPv6 one.
Answer answer_to(int error, bool is_v4);

}  // namespace postern::flow
