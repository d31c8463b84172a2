#include "pcap_output.h"

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/uio.h>

#include <algorithm>

#include "postern/capture/pcap_file.h"

namespace postern::trace_cli {

namespace {

using journey::Event, journey::Point;

class PcapOutput final : public Output {
 public:
  PcapOutput(capture::PcapFile file, const Anchor& anchor) : file_(std::move(file)), anchor_(anchor) {}
  Status take(const Event& event) override {
    if (!is_for_capture(event)) return {};
    Sll2Header header = sll2_header(event);
    auto* packet = const_cast<uint8_t*>(event.captured.data());  // iovec knows no const
    const iovec parts[] = {{header.data(), header.size()}, {packet, event.captured.size()}};
    const size_t whole = std::max<size_t>(event.captured.size(), event.packet ? event.packet->bytes : 0);
    return file_.add(parts, calendar_time(anchor_, event.time_ns), header.size() + whole);
  }
  Status rest(uint64_t) override { return file_.flush(); }
  Status finish(uint64_t) override { return file_.flush(); }

 private:
  capture::PcapFile file_;
  Anchor anchor_;
};

}  // namespace

bool is_for_capture(const Event& event) {
  return (event.point == Point::ingress || event.point == Point::transmit) && !event.captured.empty();
}

Sll2Header sll2_header(const Event& event) {
  Sll2Header header{};
  const auto put = [&](size_t at, uint32_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) header[at + i] = static_cast<uint8_t>(value >> 8 * (bytes - 1 - i));
  };
  const uint16_t ip = event.packet && !event.packet->is_ipv4() ? ETH_P_IPV6 : ETH_P_IP;
  put(0, event.ethertype != 0 && event.ethertype != ETH_P_8021Q ? event.ethertype : ip, 2);
  put(4, static_cast<uint32_t>(event.device.index), 4);
  put(8, event.device.kind == "loopback" ? ARPHRD_LOOPBACK : ARPHRD_ETHER, 2);
  put(10, event.point == Point::transmit ? PACKET_OUTGOING : PACKET_HOST, 1);
  if (event.macs) {
    const auto& octets = event.macs->source.octets;
    put(11, static_cast<uint32_t>(octets.size()), 1);
    std::copy(octets.begin(), octets.end(), header.begin() + 12);
  }
  return header;
}

Result<std::unique_ptr<Output>> open_pcap_output(const std::string& path, const Anchor& anchor) {
  auto file = capture::PcapFile::create(path, capture::PcapFile::Begins::linux_sll2);
  if (!file) return Failure(file.error());
  return std::make_unique<PcapOutput>(*std::move(file), anchor);
}

}  // namespace postern::trace_cli
