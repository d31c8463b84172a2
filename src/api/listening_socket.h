// listening_socket.h - an AF_UNIX listener and its name in the world: made here, taken away with the object.
#pragma once

#include <string>

#include "postern/api/socket_file.h"
#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

namespace postern::api {

struct ListeningSocket {
  UniqueFd fd;
  SocketFile file;
};

/// Both non-blocking and close-on-exec.
Result<ListeningSocket> listen_at(const std::string& path);
Result<ListeningSocket> listen_abstract(const std::string& name);

}  // namespace postern::api
