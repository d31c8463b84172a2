#include "libpcap.h"

#include <dlfcn.h>

#include "postern/base/pretend.h"

namespace postern::capture {

namespace {

constexpr const char* kNames[] = {"libpcap.so.0.8", "libpcap.so.1"};  // Debian's, and everybody else's

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

}  // namespace

Result<Libpcap> Libpcap::load() {
  void* library = nullptr;
  const bool may_look = !pretended_missing("libpcap");
  for (const char* name : kNames) {
    if (!library && may_look) library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
  }
  if (!library) return fail("libpcap is not installed (Debian, Ubuntu: libpcap0.8; Fedora, Arch: libpcap)");
  Libpcap found;
  const bool whole = find(library, "pcap_open_dead_with_tstamp_precision", found.open_dead) &&
                     find(library, "pcap_dump_fopen", found.dump_fopen) && find(library, "pcap_dump", found.dump) &&
                     find(library, "pcap_dump_flush", found.dump_flush) && find(library, "pcap_dump_close", found.dump_close) &&
                     find(library, "pcap_close", found.close);
  if (!whole) return fail("libpcap is too old: 1.5 is needed");
  return found;
}

}  // namespace postern::capture
