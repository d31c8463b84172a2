#include "kernel_symbols.h"

#include <algorithm>
#include <charconv>

#include "postern/base/file.h"

namespace postern::probes {

// "ffffffff81cb2f40 T ip_rcv", and behind a tab "[module]". t and T are functions, w and W weak ones.
KernelSymbols KernelSymbols::parse(std::string_view text) {
  KernelSymbols symbols;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    uint64_t address = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), address, 16);
    const auto digits = static_cast<size_t>(end - line.data());
    if (error != std::errc() || address == 0 || line.size() < digits + 4) continue;
    if (std::string_view("tTwW").find(line[digits + 1]) == std::string_view::npos) continue;
    const std::string_view name = line.substr(digits + 3);
    symbols.functions_.push_back({address, static_cast<uint32_t>(symbols.names_.size())});
    symbols.names_.append(name.substr(0, name.find('\t'))).push_back('\0');
  }
  std::stable_sort(symbols.functions_.begin(), symbols.functions_.end(),
                   [](const Function& a, const Function& b) { return a.address < b.address; });
  return symbols;
}

std::string KernelSymbols::function_at(uint64_t address) const {
  const auto after = std::upper_bound(functions_.begin(), functions_.end(), address,
                                      [](uint64_t wanted, const Function& function) { return wanted < function.address; });
  return after == functions_.begin() ? "" : names_.data() + std::prev(after)->name;
}

std::string LazyKernelSymbols::function_at(uint64_t address) {
  if (!is_read_) {
    is_read_ = true;
    if (const auto text = read_file(path_)) symbols_ = KernelSymbols::parse(*text);
  }
  return symbols_.function_at(address);
}

}  // namespace postern::probes
