// loopback_targets.h - which port of the host's loopback leads to which container: the text of the file `ports`, read. Pure.
//
//   PROTO HOST_ADDRESS|* FIRST LAST CONTAINER4|- CONTAINER6|- CONTAINER_FIRST NETWORK ID
//   tcp   *              8080  8089 10.209.0.2   -            80              web     a1b2
//
// Whoever could write the file could lead clients anywhere; still each line is looked at, and one that is not right is left out.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postern/forward/port_spec.h"
#include "postern/stack/flow.h"

namespace postern::forward {

/// Where a client is led to.
struct LoopbackTarget {
  std::optional<Ipv4> ipv4;  // one of them at least
  std::optional<Ipv6> ipv6;
  Port port;

  /// Of the family of `client`, if the container has such an address.
  stack::Endpoint for_client(const IpAddress& client) const;
  bool operator==(const LoopbackTarget&) const = default;
};

class LoopbackTargets {
 public:
  static constexpr size_t kMostComplaints = 8;

  struct Complaint {
    size_t line = 0;  // from 1
    std::string what;
    bool operator==(const Complaint&) const = default;
  };
  struct Reading;

  static Reading parse(std::string_view text);

  /// Where the host's `at` leads to. A line that names the address precedes one that means all.
  std::optional<LoopbackTarget> find(stack::Protocol protocol, const stack::Endpoint& at) const;
  /// The addresses and ports of the loopback that are published for UDP, `most` at most, each once.
  std::vector<stack::Endpoint> datagram_ports(size_t most) const;
  size_t size() const { return ranges_.size(); }

 private:
  /// What a line is for. Nothing: each address, of both families; 0.0.0.0 and ::, of one.
  struct Place {
    stack::Protocol protocol;
    std::optional<IpAddress> address;
    Port first;
    auto operator<=>(const Place&) const = default;
  };
  struct Range {
    Port last;
    LoopbackTarget first_target;
  };
  struct Line {
    Place place;
    Range range;
  };

  static Result<Line> parse_line(std::string_view text);
  Status add(const Line& line);
  const std::pair<const Place, Range>* covering(const Place& place) const;

  std::map<Place, Range> ranges_;  // those of one protocol and address do not overlap
};

struct LoopbackTargets::Reading {
  LoopbackTargets targets;
  std::vector<Complaint> complaints;  // the first of them
  size_t wrong_lines = 0;
};

}  // namespace postern::forward
