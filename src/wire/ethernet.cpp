#include "postern/wire/ethernet.h"

namespace postern::wire {

std::optional<EthernetFrame> EthernetFrame::parse(Bytes frame) {
  if (frame.size() < kHeaderBytes) return std::nullopt;
  return EthernetFrame{.destination = load_octets<Mac>(frame, 0),
                       .source = load_octets<Mac>(frame, 6),
                       .type = EtherType{load16(frame, 12)},
                       .payload = frame.subspan(kHeaderBytes)};
}

void store_ethernet_header(MutableBytes frame, const Mac& destination, const Mac& source, EtherType type) {
  store_octets(frame, 0, destination);
  store_octets(frame, 6, source);
  store16(frame, 12, static_cast<uint16_t>(type));
}

}  // namespace postern::wire
