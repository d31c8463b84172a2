// listener.h - a socket of a lab's machine, held by the test itself: it tells whether something reached it, and from where.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "postern/base/address.h"
#include "postern/base/result.h"
#include "postern/base/unique_fd.h"

#include "machine.h"
#include "process.h"

namespace postern::lab {

enum class Transport { tcp, udp };

struct Endpoint {
  IpAddress address;
  Port port;
};

struct Arrival {
  Endpoint from;
  std::string bytes;  // of a datagram; of a connection what came with it, up to its end
};

class Listener {
 public:
  /// Port 0 takes a free one. An IPv6 socket is for IPv6 alone.
  static Result<Listener> open(const Machine& machine, Transport transport, Endpoint at);

  Port port() const { return port_; }
  /// The next connection or datagram; nullopt when none comes within `limit`. A connection is read to its end and closed.
  std::optional<Arrival> next(std::chrono::milliseconds limit = kPatience);
  /// Whether anything has come that `next` has not taken.
  bool reached() const;

 private:
  Listener(UniqueFd socket, Transport transport, Port port) : socket_(std::move(socket)), transport_(transport), port_(port) {}

  UniqueFd socket_;
  Transport transport_;
  Port port_;
};

}  // namespace postern::lab
