#include "refusal.h"

#include <cerrno>

namespace postern::flow {

Answer answer_to(int error, bool is_v4) {
  switch (error) {
    case ENETUNREACH:
    case ENETDOWN:
    case EAFNOSUPPORT: return Refusal::no_route;
    case EADDRNOTAVAIL:  // IPv4: the ports of the host are used up, which passes; IPv6: the host has no address to speak from
      return is_v4 ? Answer(Silence{}) : Answer(Refusal::no_route);
    case EHOSTUNREACH:
    case EHOSTDOWN: return Refusal::host;
    case EACCES:
    case EPERM: return Refusal::prohibited;
    case ENOPROTOOPT:
    case EPROTO: return Refusal::protocol;
    case ETIMEDOUT:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EAGAIN: return Silence{};
    default: return Reset{};
  }
}

}  // namespace postern::flow
