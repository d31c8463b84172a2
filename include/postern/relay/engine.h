// engine.h - who carries TCP, UDP and echo. libslirp carries what is between the namespace and its router in any case, and the
// connections of published ports.
#pragma once

#include "postern/netns/tap.h"

namespace postern::relay {

enum class Engine { fast, libslirp };
inline constexpr Engine kDefaultEngine = Engine::fast;

/// What the TAP may leave to it. Not TCP over IPv6 to libslirp, which answers an IPv6 packet above its MTU with "packet too big".
constexpr netns::Offload offload_for(Engine engine) {
  return engine == Engine::fast ? netns::Offload::tcp_and_udp : netns::Offload::tcp4;
}

}  // namespace postern::relay
