// datagram_errors.h - what an errno of a datagram socket means, and what the namespace hears of it.
#pragma once

#include <optional>

#include "postern/wire/icmp_error.h"

namespace postern::flow {

/// In the words of ICMP, so that the program inside sees the errno that it would see on the host. Nothing: the datagram is lost.
std::optional<wire::IcmpError> error_of(int error, bool is_v4);

/// Several in one piece cannot be had here; one by one they can. EINVAL and EMSGSIZE: one is larger than the route's MTU; EIO:
/// the device makes no checksums.
bool is_of_segmentation(int error);

/// It may be about a datagram that went before, IP_RECVERR of ip(7).
bool is_of_earlier(int error);

}  // namespace postern::flow
