// The one function that writes into a frame by what a hostile vnet header says. And whether a checksum that is left to the kernel
// becomes the one that is written here.
#include <vector>

#include "postern/wire/checksum.h"
#include "postern/wire/ethernet.h"
#include "postern/wire/tcp.h"
#include "postern/wire/udp.h"
#include "postern/wire/vnet_header.h"

#include "fuzz_input.h"

using namespace postern::wire;

namespace {

/// Which of the two zeros a sum ends in is the sender's choice: 0xffff is right for both.
uint16_t one_zero(uint16_t checksum) { return checksum == 0 ? 0xffff : checksum; }

/// Sums as the kernel would, VIRTIO 1.2 5.1.6.2: what stands in the field from there on. `completed` has a right checksum.
void check_left_to_kernel(Bytes completed) {
  std::vector<uint8_t> frame(completed.begin(), completed.end());
  const auto ethernet = EthernetFrame::parse(frame);
  const auto ip = ethernet ? IpPacket::parse(ethernet->payload) : std::nullopt;
  if (!ip || ip->fragment) return;
  const bool tcp = ip->protocol == Protocol::tcp && TcpSegment::parse(ip->payload);
  const bool udp = ip->protocol == Protocol::udp && UdpDatagram::parse(ip->payload);
  if (!tcp && !udp) return;
  const auto start = static_cast<size_t>(ip->payload.data() - frame.data());
  const size_t field = start + (tcp ? tcp_field::checksum : UdpDatagram::kChecksum);
  const uint64_t pseudo = pseudo_header(ip->source, ip->destination, ip->protocol, ip->payload.size());
  const VnetHeader left = tcp ? leave_tcp_checksum(frame, start, pseudo) : leave_udp_checksum(frame, start, pseudo);
  POSTERN_ASSERT(left.needs_checksum && left.gso == VnetHeader::Gso::none && left.checksum_start == start);
  POSTERN_ASSERT(size_t{left.checksum_start} + left.checksum_offset == field);
  POSTERN_ASSERT(one_zero(finish(sum(ip->payload))) == one_zero(load16(completed, field)));
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint8_t> bytes(data, data + size);
  const auto vnet = VnetHeader::parse(bytes);
  if (!vnet) return 0;
  const MutableBytes frame(bytes);
  complete_checksum(frame.subspan(VnetHeader::kBytes));
  check_left_to_kernel(frame.subspan(VnetHeader::kBytes));
  vnet->store(frame);
  const auto again = VnetHeader::parse(frame);
  POSTERN_ASSERT(again->needs_checksum == vnet->needs_checksum && again->gso == vnet->gso);
  POSTERN_ASSERT(again->segment_bytes == vnet->segment_bytes && again->checksum_start == vnet->checksum_start);
  return 0;
}
