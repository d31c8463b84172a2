// packet_view.h - a packet of the namespace that passed the filter, read once: what it is, and where it leads.
#pragma once

#include <variant>

#include "postern/wire/ethernet.h"
#include "postern/wire/icmp.h"
#include "postern/wire/ip.h"
#include "postern/wire/tcp.h"
#include "postern/wire/udp.h"

namespace postern::relay {

/// Where a destination leads.
enum class Place {
  remote,   // out to the network
  group,    // broadcast or multicast
  gateway,  // the host's loopback, if that is open
  dns,      // the host's resolver, on port 53
  alias,    // any other address that libslirp would turn into the host's loopback, or that leads nowhere
  host,     // the host by one of its own addresses, or who listens on its links only: where it is isolated
};

/// Its views point into the frame.
struct PacketView {
  using Transport = std::variant<wire::TcpSegment, wire::UdpDatagram, wire::IcmpMessage>;

  wire::EthernetFrame frame;
  wire::IpPacket ip;
  Transport transport;
  Place place;
  bool only_answers = false;  // passed as an answer to a client of a published port, and may open nothing

  template <class T>
  const T* as() const {
    return std::get_if<T>(&transport);
  }
};

}  // namespace postern::relay
