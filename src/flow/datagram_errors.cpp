#include "datagram_errors.h"

#include <cerrno>

namespace postern::flow {

namespace {

std::optional<wire::IcmpReason> reason_of(int error, bool is_v4) {
  switch (error) {
    case ECONNREFUSED: return wire::IcmpReason::port;
    case ENETUNREACH:
    case ENETDOWN:
    case EAFNOSUPPORT: return wire::IcmpReason::no_route;
    case EADDRNOTAVAIL:  // IPv4: the ports of the host are used up, which passes; IPv6: the host has no address to speak from
      return is_v4 ? std::nullopt : std::optional(wire::IcmpReason::no_route);
    case EHOSTUNREACH:
    case EHOSTDOWN: return wire::IcmpReason::address;
    case EACCES:
    case EPERM: return wire::IcmpReason::prohibited;
    case ENOPROTOOPT:
    case EPROTO: return wire::IcmpReason::protocol;
    default: return std::nullopt;
  }
}

}  // namespace

std::optional<wire::IcmpError> error_of(int error, bool is_v4) {
  const auto reason = reason_of(error, is_v4);
  return reason ? std::optional(wire::to_icmp_error(*reason, is_v4)) : std::nullopt;
}

bool is_of_segmentation(int error) { return error == EINVAL || error == EMSGSIZE || error == EIO; }

bool is_of_earlier(int error) {
  switch (error) {
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
    case EINVAL: return false;
    default: return true;
  }
}

}  // namespace postern::flow
