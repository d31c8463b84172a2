// pcap_output.h - --pcap: the packets of a trace as devices saw them, for programs that read captures.
//
// Each packet stands there as often as a device saw it: handed to the kernel (ingress), given to a driver (transmit). Which one
// is in the record's header: LINKTYPE_LINUX_SLL2, tcpdump.org/linktypes. Of a packet as much is there as an event keeps.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "anchor.h"
#include "outputs.h"

namespace postern::trace_cli {

/// Errors: those of capture::PcapFile::create().
Result<std::unique_ptr<Output>> open_pcap_output(const std::string& path, const Anchor& anchor);

using Sll2Header = std::array<uint8_t, 20>;
/// What stands before the packet of `event`. Pure.
Sll2Header sll2_header(const journey::Event& event);
/// Whether it is a device's, and a packet is there.
bool is_for_capture(const journey::Event& event);

}  // namespace postern::trace_cli
