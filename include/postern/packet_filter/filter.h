// filter.h - which packets are meant, in the words of pcap-filter(7): "icmp and host 192.0.2.3", "tcp port 80".
//
//   words:  ip ip6 tcp udp icmp icmp6 sctp, proto NUMBER
//           [src|dst] host ADDRESS, net A/BITS, port N, portrange A-B; ip, ip6, tcp, udp may stand before them
//           and or not (&& || !), parentheses; "port 80 or 443" repeats what stands before the 80
//
// Names of hosts and services are not looked up: a filter means the same on every machine.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "postern/base/address.h"
#include "postern/packet_filter/program.h"

namespace postern::packet_filter {

/// Where in the text a person has to look.
struct Complaint {
  std::string what;   // "\"prot\" is no word of a filter's (did you mean \"port\"?)"
  size_t offset = 0;  // bytes from the beginning
  size_t length = 1;
  /// What is said, then the text, and a caret under each byte that is meant: three lines.
  std::string drawn(std::string_view text) const;
};

class Filter {
 public:
  /// An empty text means every packet.
  static std::variant<Filter, Complaint> parse(std::string_view text);

  const std::string& text() const { return text_; }
  const pf_program& program() const { return program_; }
  bool matches(const pf_facts& facts) const { return pf_matches(&program_, &facts) != 0; }
  /// As conditions of nft(8) in the inet family, one rule's worth a line; a packet matches the filter if it matches any of them.
  /// "" as a line: every packet. For a filter whose alternatives are too many, weaker ones that are fewer.
  std::string as_nft_conditions() const;

 private:
  std::string text_;
  pf_program program_{};
  std::string nft_conditions_;
};

}  // namespace postern::packet_filter
