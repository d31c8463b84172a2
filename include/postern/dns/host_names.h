// host_names.h - names that are answered here: --add-host and the host's own, for programs inside that do not read /etc/hosts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "postern/wire/dns.h"

namespace postern::dns {

struct HostName {
  std::string name;
  IpAddress address;
};

class HostNames {
 public:
  /// A name may come several times, with another address each. One that DNS cannot carry (an empty label, one above 63
  /// characters) is left out: nobody can ask for it.
  explicit HostNames(const std::vector<HostName>& names);

  /// The addresses of the name that a question, and only one, of class IN asks for; nullptr: not ours.
  const std::vector<IpAddress>* answer_to(const wire::DnsMessage& query) const;

 private:
  struct Entry {
    std::vector<uint8_t> name;  // as on the wire
    std::vector<IpAddress> addresses;
  };
  const Entry* find(wire::Bytes name) const;
  std::vector<Entry> entries_;
};

}  // namespace postern::dns
