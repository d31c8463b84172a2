#include "postern/probes/build.h"

namespace postern::probes {

#ifdef POSTERN_WITHOUT_EBPF
bool built_with_ebpf() { return false; }
std::string_view build_text() { return "without eBPF (" POSTERN_WITHOUT_EBPF ")"; }
#else
bool built_with_ebpf() { return true; }
std::string_view build_text() { return "with eBPF"; }
#endif

}  // namespace postern::probes
