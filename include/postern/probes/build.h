// build.h - whether this Postern was built with the probes: clang, bpftool and libbpf are needed for them, and for nothing else.
#pragma once

#include <string_view>

namespace postern::probes {

bool built_with_ebpf();
/// "with eBPF", or "without eBPF (clang was missing: apt-get install clang)": for --version.
std::string_view build_text();

}  // namespace postern::probes
