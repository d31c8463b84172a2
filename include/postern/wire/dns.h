// dns.h - as much of a DNS message as a relay must read: header and first question, RFC 1035 4.1.
//
// Queries come from the namespace and answers from the network; both are hostile. What lies behind the question is carried
// untouched and never looked at, but for one thing: whether a query speaks EDNS.
#pragma once

#include <optional>

#include "postern/wire/bytes.h"

namespace postern::wire {

enum class DnsType : uint16_t { a = 1, aaaa = 28, opt = 41, any = 255 };  // others are values without a name
enum class DnsCode : uint8_t { no_error = 0, server_failure = 2, not_implemented = 4, refused = 5 };  // the same
inline constexpr uint16_t kDnsInternet = 1;                                                           // its class
inline constexpr uint8_t kDnsQuery = 0;                                                               // its opcode

struct DnsQuestion {
  static constexpr size_t kMaxNameBytes = 255;

  Bytes name;  // as on the wire: labels of at most 63 octets, the root's zero at the end
  DnsType type;
  uint16_t record_class;
  Bytes whole;  // all of the above
};

struct DnsMessage {
  static constexpr size_t kHeaderBytes = 12;

  uint16_t id;
  bool is_response;
  bool recursion_desired;
  uint8_t opcode;
  DnsCode code;  // of a response; without the half that EDNS adds
  uint16_t questions;
  std::optional<DnsQuestion> question;  // the first. Nothing: there is none, it is cut short, or its name is compressed
  bool edns;                            // right behind a single question stands an OPT record, RFC 6891

  /// nullopt: shorter than a header.
  static std::optional<DnsMessage> parse(Bytes message);
};

/// Names are the same whatever the case of their ASCII letters, RFC 4343.
bool is_same_name(Bytes a, Bytes b);
bool is_same_question(const DnsQuestion& a, const DnsQuestion& b);

}  // namespace postern::wire
