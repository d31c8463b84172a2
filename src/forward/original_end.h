// original_end.h - where a client was going before nftables redirected him to us.
#pragma once

#include <optional>

#include "postern/base/syscall_rule.h"
#include "postern/stack/flow.h"

namespace postern::forward {

/// Of a stream that was accepted from `client`. Nothing: nobody tracks his connection. Where it is tracked and was not
/// redirected, that is our own end.
std::optional<stack::Endpoint> original_end(int socket, const stack::Endpoint& client);

SyscallRules original_end_syscalls();

}  // namespace postern::forward
