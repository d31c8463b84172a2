// libpcap.h - the few functions of libpcap that write a file, found at run time.
#pragma once

#include <pcap/pcap.h>

#include "postern/base/result.h"

namespace postern::capture {

struct Libpcap {
  decltype(&::pcap_open_dead_with_tstamp_precision) open_dead = nullptr;
  decltype(&::pcap_dump_fopen) dump_fopen = nullptr;
  decltype(&::pcap_dump) dump = nullptr;
  decltype(&::pcap_dump_flush) dump_flush = nullptr;
  decltype(&::pcap_dump_close) dump_close = nullptr;
  decltype(&::pcap_close) close = nullptr;

  /// It stays loaded. Errors: it is not there, or older than 1.5.
  static Result<Libpcap> load();
};

}  // namespace postern::capture
