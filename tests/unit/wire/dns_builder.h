// dns_builder.h - writes the DNS messages that tests send, RFC 1035 4.1.
#pragma once

#include <string>
#include <string_view>

#include "frame_builder.h"

namespace postern::wire::test {

/// "www.example.org" as labels; "" is the root.
inline Frame dns_name(std::string_view text) {
  Frame name;
  while (!text.empty()) {
    const std::string_view label = text.substr(0, text.find('.'));
    name.push_back(static_cast<uint8_t>(label.size()));
    name.insert(name.end(), label.begin(), label.end());
    text.remove_prefix(std::min(text.size(), label.size() + 1));
  }
  name.push_back(0);
  return name;
}

struct DnsFields {
  uint16_t id = 0x2a2a;
  uint16_t type = 1;  // A
  uint16_t record_class = 1;
  uint16_t flags = 0x0100;  // recursion desired
  uint16_t answers = 0;     // that the header promises
  bool edns = false;
};

inline Frame dns_query(std::string_view name, const DnsFields& fields) {
  Frame message;
  append16(message, fields.id);
  append16(message, fields.flags);
  append16(message, 1);
  append16(message, fields.answers);
  append16(message, 0);
  append16(message, fields.edns ? 1 : 0);
  append(message, dns_name(name));
  append16(message, fields.type);
  append16(message, fields.record_class);
  if (fields.edns) append(message, Frame{0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0});
  return message;
}

}  // namespace postern::wire::test
