// pcap_file.h - a capture file that tcpdump(8) and Wireshark read, written by libpcap. The library is loaded when the first file
// is begun, for most runs of ours never need it.
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "postern/base/result.h"

namespace postern::capture {

class PcapFile {
 public:
  /// What a record begins with: an Ethernet header; that of IPv4 or IPv6; LINKTYPE_LINUX_SLL2's, which names a device.
  enum class Begins : uint8_t { ethernet, ip, linux_sll2 };
  /// Of one record; what is longer is cut short. A superframe of a TAP's fits.
  static constexpr size_t kMostBytes = 14 + 40 + 65'535;

  /// Begins a file of mode 0600, in the place of one of our own that is there. After this no file is opened, and no call made
  /// but write(2) and close(2), so that it works behind a sandbox. Errors: libpcap is not installed, or lacks what we need of it;
  /// what is there is no ordinary file (a reader that is slow would hold up the network), has other names, or is another user's;
  /// open(2)'s.
  static Result<PcapFile> create(const std::string& path, Begins begins);
  PcapFile(PcapFile&& other) noexcept;
  PcapFile& operator=(PcapFile&& other) noexcept;
  /// Writes what is left.
  ~PcapFile();

  /// One packet, in parts; or what it begins with, of `whole_bytes` in all. Errors: write(2)'s, ENOSPC above all; then nothing is
  /// written any more.
  Status add(std::span<const iovec> packet, std::chrono::system_clock::time_point when, size_t whole_bytes = 0);
  /// What was added can be read by others from now on. Errors: write(2)'s.
  Status flush();

 private:
  struct Open;
  explicit PcapFile(std::unique_ptr<Open> open);
  std::unique_ptr<Open> open_;
};

}  // namespace postern::capture
