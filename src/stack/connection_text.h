// connection_text.h - slirp_connection_info()'s table, which is text for a person and all that libslirp tells of its sockets.
#pragma once

#include <string_view>

#include "postern/stack/flow.h"

namespace postern::stack {

/// One line of it. "TCP[ESTABLISHED]   12   10.0.2.100 40000   192.0.2.2    80     0     0"
struct ConnectionLine {
  Flow::Protocol protocol = Flow::Protocol::tcp;
  std::string_view state;  // between the brackets: a state of TCP's, "HOST_FORWARD", or "236 sec"
  int fd = -1;
  std::string_view source, destination;  // IPv4, or "*"; of an IPv6 flow something else altogether, for it is read as IPv4
  Port source_port, destination_port;
  size_t receive_queue = 0, send_queue = 0;
};

/// Nothing for the heading and for what does not look like this.
std::optional<ConnectionLine> parse_connection_line(std::string_view line);

/// The ends of the host's socket, where it has them.
struct SocketEnds {
  std::optional<Endpoint> local, peer;
};

/// The flow that line and socket are together; nothing for a listener.
std::optional<Flow> to_flow(const ConnectionLine& line, const SocketEnds& ends);

}  // namespace postern::stack
