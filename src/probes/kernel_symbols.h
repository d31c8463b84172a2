// kernel_symbols.h - which function of the kernel an address lies in, by /proc/kallsyms, which shows addresses to whoever has
// CAP_SYSLOG, or to all where kernel.kptr_restrict is 0 (sysctl/kernel.rst).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::probes {

class KernelSymbols {
 public:
  /// Of the lines of kallsyms those that are functions.
  static KernelSymbols parse(std::string_view text);
  /// "tcp_v4_rcv"; empty: it lies before all of them, or addresses are hidden.
  std::string function_at(uint64_t address) const;

 private:
  struct Function {
    uint64_t address;
    uint32_t name;  // offset in names_
  };
  std::vector<Function> functions_;  // by address
  std::string names_;                // each ends with a 0
};

/// The same, read when it is first asked; nothing is known where the file cannot be read.
class LazyKernelSymbols {
 public:
  explicit LazyKernelSymbols(std::string path) : path_(std::move(path)) {}
  std::string function_at(uint64_t address);

 private:
  std::string path_;
  bool is_read_ = false;
  KernelSymbols symbols_;
};

}  // namespace postern::probes
