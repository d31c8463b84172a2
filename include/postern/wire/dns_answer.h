// dns_answer.h - writes the answer to a question about a name whose addresses we know ourselves.
#pragma once

#include <span>

#include "postern/wire/dns.h"

namespace postern::wire {

inline constexpr size_t kMaxDnsAnswer = 512;  // RFC 1035 4.2.1: every program takes as much

/// `query` has a question of class IN, and one only. The answer holds those of `addresses` that its type asks for, as many as
/// kMaxDnsAnswer has room for; none is an answer too: the name exists, but not with that type. Returns the bytes written into
/// `room`, which holds kMaxDnsAnswer.
size_t store_dns_answer(MutableBytes room, const DnsMessage& query, std::span<const IpAddress> addresses);

}  // namespace postern::wire
