// host_socket.h - where a socket of ours is and leads, for who asks which flow it carries.
#pragma once

#include "postern/relay/witness.h"
#include "postern/stack/slirp_stack.h"

namespace postern::relay {

/// `led_to`: whom it is for, if it is connected to nobody, or not yet. Nothing: `socket` is none, or leads to nobody.
std::optional<HostSocket> ends_of(int socket, const std::optional<stack::Endpoint>& led_to);

/// Of the flows that libslirp carries. Its list of them is text, with two system calls for each: it is not read for every packet
/// of a crowd.
inline constexpr size_t kMostListed = 64;
std::optional<HostSocket> libslirps_socket(const stack::SlirpStack& stack, const stack::AddressPlan& addresses,
                                           const FlowName& flow);

}  // namespace postern::relay
