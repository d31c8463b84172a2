// drop_reasons.h - what the kernel calls its reasons to drop a packet. The numbers shift with each release, so that the names are
// read from the running kernel's types: enum skb_drop_reason.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace postern::probes {

class DropReasons {
 public:
  explicit DropReasons(std::string types) : types_(std::move(types)) {}
  /// "NETFILTER_DROP", "NOT_SPECIFIED"; a number where the name is not known, which is so for those of subsystems, whose high 16
  /// bits are not 0: "0x20001". "NOT_SPECIFIED" also before Linux 5.17, which gives none.
  std::string name(uint32_t reason);

 private:
  std::string types_;
  bool is_read_ = false;
  std::map<uint32_t, std::string> names_;
};

}  // namespace postern::probes
