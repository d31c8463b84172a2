// engine.h - who carries TCP. libslirp carries everything else in any case, and the connections of published ports.
#pragma once

#include "postern/netns/tap.h"

namespace postern::relay {

enum class Engine { fast, libslirp };
inline constexpr Engine kDefaultEngine = Engine::fast;

/// What the TAP may leave to it. Not TCP over IPv6 to libslirp, which answers an IPv6 packet above its MTU with "packet too big".
constexpr netns::Offload offload_for(Engine engine) {
  return engine == Engine::fast ? netns::Offload::tcp4_and_tcp6 : netns::Offload::tcp4;
}

}  // namespace postern::relay
