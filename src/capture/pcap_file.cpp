#include "postern/capture/pcap_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "postern/base/private_file.h"

#include "libpcap.h"

namespace postern::capture {

namespace {

constexpr size_t kBufferBytes = size_t{256} * 1024;

int link_type(PcapFile::Begins begins) {
  switch (begins) {
    case PcapFile::Begins::ethernet: return DLT_EN10MB;
    case PcapFile::Begins::ip: return DLT_RAW;
    case PcapFile::Begins::linux_sll2: return DLT_LINUX_SLL2;
  }
  return DLT_EN10MB;
}

}  // namespace

struct PcapFile::Open {
  Libpcap library;
  pcap_t* handle = nullptr;
  pcap_dumper_t* dumper = nullptr;
  FILE* file = nullptr;  // the dumper's, once there is one
  std::string path;
  std::unique_ptr<char[]> buffer = std::make_unique_for_overwrite<char[]>(kBufferBytes);
  std::unique_ptr<uint8_t[]> packet = std::make_unique_for_overwrite<uint8_t[]>(kMostBytes);

  ~Open() {
    if (dumper) {
      library.dump_close(dumper);
    } else if (file) {
      std::fclose(file);
    }
    if (handle) library.close(handle);
  }
};

PcapFile::PcapFile(std::unique_ptr<Open> open) : open_(std::move(open)) {}
PcapFile::PcapFile(PcapFile&& other) noexcept = default;
PcapFile& PcapFile::operator=(PcapFile&& other) noexcept = default;
PcapFile::~PcapFile() = default;

Result<PcapFile> PcapFile::create(const std::string& path, Begins begins) {
  POSTERN_TRY(library, Libpcap::load(), "capture");
  auto open = std::make_unique<Open>();
  open->library = library;
  open->path = path;
  POSTERN_TRY(fd, replace_private_file(path), "capture");
  open->file = ::fdopen(fd.get(), "w");
  if (!open->file) return fail_errno("capture", path);
  (void)fd.release();
  std::setvbuf(open->file, open->buffer.get(), _IOFBF, kBufferBytes);
  open->handle = library.open_dead(link_type(begins), static_cast<int>(kMostBytes), PCAP_TSTAMP_PRECISION_NANO);
  if (open->handle) open->dumper = library.dump_fopen(open->handle, open->file);
  if (!open->dumper) return fail(fmt::format("capture: {}: libpcap cannot write it", path));
  PcapFile created(std::move(open));
  if (const Status flushed = created.flush(); !flushed) return Failure(flushed.error());
  return created;
}

Status PcapFile::add(std::span<const iovec> packet, std::chrono::system_clock::time_point when, size_t whole_bytes) {
  size_t kept = 0, bytes = 0;
  for (const iovec& part : packet) {
    const size_t some = std::min(part.iov_len, kMostBytes - kept);
    if (some != 0) std::memcpy(open_->packet.get() + kept, part.iov_base, some);
    kept += some;
    bytes += part.iov_len;
  }
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  pcap_pkthdr header{};
  header.ts.tv_sec = static_cast<time_t>(seconds.count());
  header.ts.tv_usec = static_cast<suseconds_t>((since - seconds).count());  // nanoseconds, in this kind of file
  header.caplen = static_cast<bpf_u_int32>(kept);
  header.len = static_cast<bpf_u_int32>(std::max(bytes, whole_bytes));
  errno = 0;
  open_->library.dump(reinterpret_cast<u_char*>(open_->dumper), &header, open_->packet.get());
  if (std::ferror(open_->file)) return fail_errno("write", open_->path);
  return {};
}

Status PcapFile::flush() {
  errno = 0;
  const bool failed = open_->library.dump_flush(open_->dumper) < 0 || std::ferror(open_->file);
  return failed ? Status(fail_errno("write", open_->path)) : Status();
}

}  // namespace postern::capture
