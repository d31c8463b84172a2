#include "postern/wire/udp.h"

namespace postern::wire {

std::optional<UdpDatagram> UdpDatagram::parse(Bytes datagram) {
  if (datagram.size() < kHeaderBytes) return std::nullopt;
  const size_t bytes = load16(datagram, 4);
  if (bytes < kHeaderBytes || bytes > datagram.size()) return std::nullopt;
  return UdpDatagram{.source = {load16(datagram, 0)},
                     .destination = {load16(datagram, 2)},
                     .payload = datagram.subspan(kHeaderBytes, bytes - kHeaderBytes)};
}

}  // namespace postern::wire
